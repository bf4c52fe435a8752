import { sizeOf, type SampleTensor } from '../../calibrate/index.ts';

type Numbers = Exclude<SampleTensor['data'], string[]>;

/** Bits of a float32's mantissa that are dropped: 11 bits and the hidden one stay, as in half precision. */
const DROPPED = 12;

/**
 * Rounds to 12 significant bits, half to even, in place: the lower bytes become zeros, so that the numbers take half of the space once they
 * are compressed.
 */
export function roundFloats(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const mask = 2 ** DROPPED - 1;
  for (let i = 0; i < bits.length; i++) {
    const isFinite = (bits[i]! & 0x7f800000) !== 0x7f800000;
    if (isFinite) bits[i] = (bits[i]! + (mask >> 1) + ((bits[i]! >>> DROPPED) & 1)) & ~mask;
  }
  return values;
}

/**
 * At most `limit` elements of a tensor: integers are its first ones, which belong together as the words of a text do; floats are taken from
 * everywhere, because the first rows of an image are often all the same.
 */
export function fewOf({ data, dtype }: SampleTensor, limit: number): Numbers {
  const values = data as Numbers;
  if (values.length <= limit || !dtype.startsWith('float')) return rounded(values.slice(0, limit), dtype);
  const few = values.slice(0, limit) as Float32Array;
  for (let i = 0; i < limit; i++) few[i] = values[Math.floor((i * values.length) / limit)] as number;
  return rounded(few, dtype);
}

function rounded(values: Numbers, dtype: string): Numbers {
  return dtype === 'float32' ? roundFloats(values as Float32Array) : values;
}

/** A tensor of the given shape whose elements are repeated until it is full. */
export function repeated(dtype: string, few: Numbers, dims: readonly number[]): SampleTensor {
  const bytes = new Uint8Array(few.buffer, few.byteOffset, few.byteLength);
  const full = new Uint8Array(sizeOf(dims) * few.BYTES_PER_ELEMENT);
  full.set(bytes.subarray(0, full.length));
  for (let filled = bytes.length; filled > 0 && filled < full.length; filled *= 2) full.copyWithin(filled, 0, filled);
  return { dtype, dims: [...dims], data: new (few.constructor as new (buffer: ArrayBuffer) => Numbers)(full.buffer) };
}

/** Little-endian bytes as base64. Every processor that Node runs on is little-endian. */
export function toBase64({ buffer, byteOffset, byteLength }: Numbers): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

export function bytesOf(base64: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(base64, 'base64')).buffer;
}
