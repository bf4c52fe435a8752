import type { ModelKind } from '../quantize/index.ts';
import type { Format, Target } from '../types.ts';

/**
 * What `auto` means, by where a model runs and what it is made of. Measured: integers are 19 to 65 times slower than floats on WebGPU;
 * half-precision graphs are slower than float32 on CPUs and in WebAssembly, and need a feature that not all GPUs have; 4-bit weights in
 * blocks are no faster than 8-bit integers on a CPU but take half of the memory; recurrences in integers are slower in WebAssembly. `int8`
 * finds out where integers pay. What does not hold a budget gives way to what keeps more (fallback.ts).
 */
export const AUTO_FORMATS: Record<Target, Record<ModelKind, Format>> = {
  'webgpu': {
    cnn: 'int8-storage',
    encoder: 'int8-storage',
    decoder: 'int4',
    rnn: 'int8-storage',
  },
  'wasm': {
    cnn: 'int8',
    encoder: 'int8',
    decoder: 'int8',
    rnn: 'int8-storage',
  },
  'node': {
    cnn: 'int8',
    encoder: 'int8',
    decoder: 'int4',
    rnn: 'int8',
  },
  'node-cuda': {
    cnn: 'fp16',
    encoder: 'fp16',
    decoder: 'int4-fp16',
    rnn: 'fp16',
  },
};

/**
 * What `auto` makes beside that for devices with half precision (`shader-f16`), which only the device itself knows of. A decoder's run is limited by
 * memory, of which half-precision activations take half; elsewhere a half-precision graph is twice the download of int8-storage and no faster.
 */
export const AUTO_HALF_FORMATS: Partial<Record<Target, Partial<Record<ModelKind, Format>>>> = {
  webgpu: { decoder: 'int4-fp16' },
};

/** Formats whose integers a target's GPU leaves to the CPU, copying all values there and back. CUDA computes `int8-static` as floats between its QuantizeLinear. */
export const INTEGERS_ON_CPU: Partial<Record<Target, readonly Format[]>> = {
  'webgpu': ['int8', 'int8-dynamic', 'int8-static'],
  'node-cuda': ['int8', 'int8-dynamic'],
};

/** Formats with half-precision arithmetic. */
export const HALF_FORMATS: readonly Format[] = ['fp16', 'int4-fp16'];
