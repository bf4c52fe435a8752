import { float16ToFloat32, type DType } from '../../onnx/index.ts';
import { middleLevel } from '../blocks/block-code.ts';
import { blockBytes } from '../blocks/layout.ts';
import { channelLayout, channelWalk } from '../float-chunks.ts';
import type { Order } from './form.ts';

/** What an artefact holds of one weight. */
export interface Parts {
  values: { dtype: DType; bytes: Uint8Array<ArrayBuffer> };
  scales: Float32Array;
  /** Packed as the order says; absent where all are the same. */
  zeroPoints: { dtype: DType; bytes: Uint8Array<ArrayBuffer> } | undefined;
}

/** Fills the target with the next elements of a weight, in row-major order. */
export type Decoder = (target: Float32Array) => void;

/**
 * Reads a weight back in the order of its elements.
 *
 * @param dims of the weight
 */
export function decoderOf(order: Order, parts: Parts, dims: readonly number[]): Decoder {
  switch (order.kind) {
    case 'half': return decodeHalves(parts);
    case 'channels': return decodeChannels(order, parts, dims);
    case 'turned': return decodeTurned(parts, dims);
    case 'blocks': return decodeBlocks(order, parts);
  }
}

function decodeHalves({ values: { bytes } }: Parts): Decoder {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const values = (halfValues ??= allHalves());
  let at = 0;
  return (target) => {
    for (let i = 0; i < target.length; i++) target[i] = values[halves[at + i]!]!;
    at += target.length;
  };
}

/** What each pattern of 16 bits stands for: looking it up takes a sixth of the time that working it out takes. */
let halfValues: Float32Array | undefined;

function allHalves(): Float32Array {
  const values = new Float32Array(2 ** 16);
  float16ToFloat32(Uint16Array.from(values, (_, bits) => bits), values);
  return values;
}

function decodeChannels({ axis, zeroPoint }: Extract<Order, { kind: 'channels' }>, { values, scales, zeroPoints }: Parts, dims: readonly number[]): Decoder {
  const levels = integersOf(values);
  const zeros = zeroPoints === undefined ? new Int32Array(scales.length).fill(zeroPoint) : Int32Array.from(integersOf(zeroPoints));
  const walk = channelWalk(channelLayout(dims, axis));
  let at = 0;
  return (target) => {
    walk(target.length, (from, to, channel, step) => {
      for (let i = from, c = channel; i < to; i++, c += step) target[i] = (levels[at + i]! - zeros[c]!) * scales[c]!;
    });
    at += target.length;
  };
}

function decodeTurned({ values, scales }: Parts, dims: readonly number[]): Decoder {
  const levels = integersOf(values);
  const [, units, inputs] = dims as [number, number, number];
  let [input, unit, direction] = [0, 0, 0];
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      target[i] = levels[(direction * inputs + input) * units + unit]! * scales[direction * units + unit]!;
      if (++input < inputs) continue;
      input = 0;
      if (++unit === units) [unit, direction] = [0, direction + 1];
    }
  };
}

/** An element [outer, place along the length, inner] is at a place of a block, and the block at a place of its own. */
function decodeBlocks({ layout, packing, byRows }: Extract<Order, { kind: 'blocks' }>, { values: { bytes }, scales, zeroPoints }: Parts): Decoder {
  const { length, inner, size, bits } = layout;
  const blocks = Math.ceil(length / size);
  const half = size / 2;
  const stride = blockBytes(layout);
  const neighbours = packing === 'neighbours';
  const middle = middleLevel(layout);
  const zeroOf = (block: number): number => {
    if (zeroPoints === undefined) return middle;
    if (bits === 8) return zeroPoints.bytes[block]!;
    const [row, column] = [Math.floor(block / blocks), block % blocks];
    return nibble(zeroPoints.bytes[row * Math.ceil(blocks / 2) + (column >> 1)]!, column & 1);
  };
  const zeros = Uint8Array.from(scales, (_, block) => zeroOf(block));
  const levelAt = (block: number, row: number, n: number, j: number): number => {
    if (!neighbours) return nibble(bytes[row * half * inner + n + (j < half ? j : j - half) * inner]!, j < half ? 0 : 1) ^ 8;
    return bits === 8 ? bytes[block * stride + j]! : nibble(bytes[block * stride + (j >> 1)]!, j & 1);
  };
  let [o, l, n] = [0, 0, 0];
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      const index = Math.floor(l / size);
      const row = o * blocks + index;
      const block = neighbours ? (byRows ? o : n) * blocks + index : row * inner + n;
      target[i] = (levelAt(block, row, n, l - index * size) - zeros[block]!) * scales[block]!;
      if (++n < inner) continue;
      n = 0;
      if (++l === length) [l, o] = [0, o + 1];
    }
  };
}

function nibble(byte: number, upper: number): number {
  return upper === 0 ? byte & 15 : byte >> 4;
}

const INTEGERS: Partial<Record<DType, (buffer: ArrayBuffer, offset: number, bytes: number) => ArrayLike<number> & Iterable<number>>> = {
  int8: (buffer, offset, bytes) => new Int8Array(buffer, offset, bytes),
  uint8: (buffer, offset, bytes) => new Uint8Array(buffer, offset, bytes),
  int16: (buffer, offset, bytes) => new Int16Array(buffer, offset, bytes / 2),
  uint16: (buffer, offset, bytes) => new Uint16Array(buffer, offset, bytes / 2),
};

function integersOf({ dtype, bytes }: Parts['values']): ArrayLike<number> & Iterable<number> {
  const make = INTEGERS[dtype];
  if (make === undefined) throw new TypeError(`Integers of ${dtype} are not read here.`);
  return make(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
