import type { Format, ModelVariant, QuantizedModel, Target } from '../types.ts';
import { RuntimeError } from './errors.ts';
import { shortHash } from './hash.ts';
import type { Device } from './host.ts';
import type { Backend, ModelFile } from './types.ts';

/** Targets whose artefacts a backend can run, the fittest first. CPU and WASM share kernels; GPU artefacts run there too, but slowly. */
const RUNNABLE: Record<Backend, readonly Target[]> = {
  webgpu: ['webgpu', 'node-cuda', 'wasm', 'node'],
  cuda: ['node-cuda', 'webgpu', 'node', 'wasm'],
  'wasm-threads': ['wasm', 'node', 'webgpu', 'node-cuda'],
  wasm: ['wasm', 'node', 'webgpu', 'node-cuda'],
  cpu: ['node', 'wasm', 'node-cuda', 'webgpu'],
};

const GPU_TARGETS: readonly Target[] = ['webgpu', 'node-cuda'];

/** GPUs compute integers on the CPU, with a copy to and fro for each operator: measured 19 to 65 times slower than half precision. */
const INTEGER_FORMATS: readonly Format[] = ['int8', 'int8-dynamic', 'int8-static'];

const HALF_PRECISION: readonly Format[] = ['fp16', 'int4-fp16'];

/** True for backends whose answers and speed depend on a graphics driver. */
export function isGpu(backend: Backend): boolean {
  return backend === 'webgpu' || backend === 'cuda';
}

/** Whether a GPU is worth trying unasked: the answers can be checked, and an artefact was made for it, so that the app has an engine for it too. */
export function suitsGpu(model: QuantizedModel): boolean {
  return (model.canary ?? null) !== null && model.variants.some((variant) => GPU_TARGETS.includes(variant.target) && variant.tolerance !== undefined);
}

/**
 * The variant of the model that fits the backend best. An artefact that will run slowly in want of a better one is announced.
 * @throws RuntimeError OPTION_INVALID when the value is no model import, NO_VARIANT when no variant can run, BACKEND_UNAVAILABLE when this device runs none
 */
export function chooseVariant(model: QuantizedModel, backend: Backend, device: Device, warn: (message: string) => void): ModelVariant {
  checkModel(model);
  const ranked = RUNNABLE[backend].flatMap((target) => model.variants.filter((variant) => variant.target === target));
  if (ranked.length === 0) {
    throw new RuntimeError('NO_VARIANT', `Model "${model.name}" has no variant that the ${backend} backend can run`, {
      hint: `Its targets are: ${model.variants.map((variant) => variant.target).join(', ') || 'none'}. Add one to the targets of the plugin.`,
    });
  }
  const runnable = ranked.filter((variant) => device.hasFloat16 || !HALF_PRECISION.includes(variant.format));
  const small = runnable.filter((variant) => (variant.largestTensorBytes ?? 0) <= (device.largestTensor ?? Infinity));
  const chosen = small.find((variant) => !isGpu(backend) || fits(variant)) ?? small[0];
  if (chosen === undefined) {
    const why = runnable.length === 0 ? 'the GPU has no half precision (shader-f16)' : `a tensor is larger than the ${device.largestTensor} bytes that the GPU takes`;
    throw new RuntimeError('BACKEND_UNAVAILABLE', why);
  }
  if (!isGpu(backend) && GPU_TARGETS.includes(chosen.target)) {
    warn(`Model "${model.name}" has only a ${chosen.target} artefact for the ${backend} backend; it runs on the CPU and may be slow.`);
  } else if (isGpu(backend) && !fits(chosen)) {
    warn(`Model "${model.name}" has only an artefact in ${chosen.format} for the ${backend} backend; a GPU computes its integers slowly.`);
  }
  return chosen;
}

/** @throws RuntimeError OPTION_INVALID */
export function checkModel(model: QuantizedModel): void {
  if (Array.isArray(model?.variants as unknown)) return;
  throw new RuntimeError('OPTION_INVALID', 'The model is neither a `?quantize` import nor a URL', {
    hint: "Pass the default export of `import model from './model.onnx?quantize'`, or a string.",
  });
}

/** What was made for a GPU, or computes in floats. */
function fits({ target, format }: ModelVariant): boolean {
  return GPU_TARGETS.includes(target) || !INTEGER_FORMATS.includes(format);
}

/** What has to be downloaded, from a variant or a bare URL. Versions of one model have the same name, signature, target and format. */
export function modelFile(source: ModelVariant | string, model?: QuantizedModel): ModelFile {
  if (typeof source === 'string') return { url: source, bytes: null, sha256: null };
  const { url, bytes, sha256, encoding, parts, target, format } = source;
  const family = model && shortHash(JSON.stringify([model.name, model.inputs, model.outputs, target, format]));
  return { url, bytes, sha256, encoding, parts, family };
}
