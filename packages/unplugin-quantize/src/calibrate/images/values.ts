import { roundHalfEven } from '../round.ts';
import { ARRAY_OF, toArray, type FedType, type TensorData } from '../tensor.ts';
import type { Pixels } from './pixels.ts';

export interface Normalization {
  /** Undefined for the division by 255 of floats, which is exact to the last bit; integers are not scaled. */
  scale: number | undefined;
  /** One number for each channel. */
  mean: readonly number[];
  std: readonly number[];
}

type Numbers = Exclude<TensorData, string[]>;

/**
 * What each of the 256 values of a pixel becomes in each channel: (pixel * scale - mean) / std, every step rounded to float32 as numpy does
 * with float32 arrays; integers are rounded half to even and saturate.
 */
export function valueTables(dtype: FedType, { scale, mean, std }: Normalization): Numbers[] {
  const isFloat = dtype.startsWith('float');
  const round = dtype === 'float64' ? (x: number) => x : Math.fround;
  const scaled = (pixel: number): number => (scale !== undefined ? pixel * scale : isFloat ? pixel / 255 : pixel);
  return mean.map((offset, channel) => {
    const values = Array.from({ length: 256 }, (_, pixel) => round(round(round(scaled(pixel)) - round(offset)) / round(std[channel]!)));
    return toArray(dtype, isFloat ? values : values.map((value) => saturate(value, dtype)));
  });
}

const RANGES: Partial<Record<FedType, readonly [number, number]>> = { int8: [-128, 127], uint8: [0, 255], bool: [0, 1], int16: [-32768, 32767], uint16: [0, 65535], uint32: [0, 2 ** 32 - 1], uint64: [0, Number.MAX_SAFE_INTEGER] };

function saturate(value: number, dtype: FedType): number {
  const [low, high] = RANGES[dtype] ?? [-(2 ** 31), 2 ** 31 - 1];
  return Math.min(high, Math.max(low, roundHalfEven(value)));
}

/** Writes an image's values into a tensor from element `offset` on, channels first (nchw) or last. */
export function writeImage({ data, channels }: Pixels, tables: readonly Numbers[], layout: 'nchw' | 'nhwc', out: Numbers, offset: number): void {
  const count = data.length / channels;
  for (let c = 0; c < channels; c++) {
    // All arrays of one element type, which TypeScript cannot see.
    const [table, target] = [tables[c] as Float32Array, out as Float32Array];
    if (layout === 'nchw') for (let i = 0; i < count; i++) target[offset + c * count + i] = table[data[i * channels + c]!]!;
    else for (let i = 0; i < count; i++) target[offset + i * channels + c] = table[data[i * channels + c]!]!;
  }
}

export function emptyArray(dtype: FedType, length: number): Numbers {
  return new ARRAY_OF[dtype](length);
}
