import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../test/support/quantize-model.ts';
import { arrayTensor, bytesSource, elementCount, float16Bits, halfToNumber, rangePayload, readPayload, type Tensor } from '../onnx/index.ts';
import { INT8, quantizeSymmetric, UINT8, type QuantType } from './affine.ts';

interface ReferenceCase {
  name: string;
  dims: number[];
  axis: number | null;
  dtype: 'int8' | 'uint8';
  weights: string;
  scales: string;
  zero_points: number[];
  values: string;
}

const reference: ReferenceCase[] = JSON.parse(readFileSync(new URL('../../../../test/reference/quantize/weights.json', import.meta.url), 'utf8'));
const TYPES = { int8: INT8, uint8: UINT8 };

describe('onnxruntime.quantization computes the same scales and values', () => {
  it.each(reference.map((test) => [`${test.name}, ${test.dtype}, axis ${test.axis}`, test] as const))('%s', (_, test) => {
    const weights = new Float32Array(bytesOf(test.weights).buffer);
    const type = TYPES[test.dtype];
    const { values, scales } = quantizeSymmetric(arrayTensor('float32', test.dims, weights), test.axis ?? undefined, type, 'w');
    expect([...decode(scales, 'float32')]).toEqual([...new Float32Array(bytesOf(test.scales).buffer)]);
    // A channel too small for a scale has zero point 0 there and 128 here, where all channels share one: both mean zero.
    const channelOf = channels(test.dims, test.axis ?? undefined);
    const expected = Array.from(decode({ byteLength: weights.length, chunks: () => [bytesOf(test.values)] }, test.dtype), (value, i) => value - test.zero_points[channelOf(i)]! + type.zeroPoint);
    expect([...decode(values, test.dtype)]).toEqual(expected);
  });

  it('has a case with each kind of scale', () => {
    const scales = new Set(reference.flatMap((test) => [...new Float32Array(bytesOf(test.scales).buffer)]));
    expect(scales).toContain(1);
    expect(scales).toContain(2 ** -126);
    expect(Math.max(...scales)).toBeGreaterThan(1e36);
  });
});

/** Finite weights of a few magnitudes, zeros and numbers without full precision among them. */
const weight = fc.oneof(
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 2 ** -149, -(2 ** -130)),
).map(Math.fround);

const weights = fc.tuple(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.nat(4)).chain(([dims, axis]) => fc.record({
  dims: fc.constant(dims),
  axis: fc.constant(axis === 4 ? undefined : axis % dims.length),
  data: fc.array(weight, { minLength: elementCount(dims), maxLength: elementCount(dims) }),
}));

describe('quantizeSymmetric', () => {
  it('is off by at most half a step', () => {
    fc.assert(fc.property(weights, fc.constantFrom(INT8, UINT8), ({ dims, axis, data }, type) => {
      const result = quantized(dims, axis, data, type);
      expect(result.q).toHaveLength(data.length);
      expectHalfStep(dims, axis, data, type, result);
    }), { numRuns: 500 });
  });

  it('is odd and keeps the order of the elements of a channel', () => {
    fc.assert(fc.property(weights, ({ dims, axis, data }) => {
      const { q } = quantized(dims, axis, data, INT8);
      const negated = quantized(dims, axis, data.map((x) => -x), INT8);
      expect(negated.q).toEqual(q.map((value) => 0 - value));
      const channelOf = channels(dims, axis);
      const swapped = data.flatMap((x, i) => data.flatMap((y, j) => (channelOf(i) === channelOf(j) && x <= y && q[i]! > q[j]! ? [[x, y]] : [])));
      expect(swapped).toEqual([]);
    }), { numRuns: 200 });
  });

  it('rounds ties to even', () => {
    const { q, scales } = quantized([1, 7], 0, [127, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5], INT8);
    expect(scales).toEqual([1]);
    expect(q).toEqual([127, 0, 2, 2, 0, -2, 126]);
  });

  it('clips a uint8 that would round beyond 255', () => {
    const { q } = quantized([2], undefined, [127.5, -127.5], UINT8);
    expect(q).toEqual([255, 0]);
  });

  // Against slow arithmetic on every element, with channel axes in all places and pieces that end anywhere.
  it.each([
    { dims: [5, 60001], axis: 0 }, { dims: [2, 300001], axis: 0 }, { dims: [100003, 3], axis: 0 }, { dims: [60001, 5], axis: 1 }, { dims: [3, 100003], axis: 1 },
    { dims: [7, 11, 13, 307], axis: 0 }, { dims: [7, 11, 13, 307], axis: 1 }, { dims: [7, 11, 13, 307], axis: 2 }, { dims: [7, 11, 13, 307], axis: 3 },
    { dims: [2, 3, 65537], axis: 1 }, { dims: [300001], axis: undefined },
  ])('of $dims along $axis, read in pieces of 1 MiB', ({ dims, axis }) => {
    const data = seeded(elementCount(dims));
    const payload = rangePayload(bytesSource(new Uint8Array(data.buffer)), 0, data.byteLength);
    expect([...payload.chunks()].length).toBeGreaterThan(1);
    const slow = slowly(dims, axis, data);
    for (const order of [['values', 'scales'], ['scales', 'values']] as const) {
      const result = quantizeSymmetric({ dtype: 'float32', dims, ...payload }, axis, INT8, 'w');
      for (const part of order) expect(Buffer.compare(readPayload(result[part]), new Uint8Array(slow[part].buffer))).toBe(0);
    }
  });

  it.each([[[4, 3, 5], 1], [[3, 1, 2, 7], 3], [[2, 9], 0], [[9, 2], 1], [[1], 0]])('of %j along %i, read in odd pieces at odd places', (dims, axis) => {
    const data = seeded(elementCount(dims));
    const slow = slowly(dims, axis, data);
    for (const order of [['values', 'scales'], ['scales', 'values']] as const) {
      const result = quantizeSymmetric(inPieces(dims, data), axis, INT8, 'w');
      for (const part of order) expect(readPayload(result[part])).toEqual(new Uint8Array(slow[part].buffer));
    }
  });

  it.each([
    ['each row once, its scale and its values together', 0, 2],
    ['columns once for their scales, once for each time the values are taken', 1, 3],
  ])('reads nothing before it is asked, and then %s', (_, axis, expected) => {
    let reads = 0;
    const data = Float32Array.of(1, -2, 3, 4);
    const tensor: Tensor = { dtype: 'float32', dims: [2, 2], byteLength: 16, chunks: () => (reads++, [new Uint8Array(data.buffer)]) };
    const { values, scales } = quantizeSymmetric(tensor, axis, INT8, 'w');
    expect([values.byteLength, scales.byteLength, reads]).toEqual([4, 8, 0]);
    const first = [...decode(values, 'int8')];
    expect([...decode(values, 'int8')]).toEqual(first);
    expect([...decode(scales, 'float32')]).toHaveLength(2);
    expect(reads).toBe(expected);
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s wherever it is, by the name of the weight', (bad) => {
    for (const axis of [undefined, 0, 1]) {
      for (const at of [0, 3, 5]) {
        const data = Float32Array.of(1, 2, 3, 4, 5, 6);
        data[at] = bad;
        const { values, scales } = quantizeSymmetric(arrayTensor('float32', [2, 3], data), axis, INT8, 'encoder.weight');
        const refusal = expect.objectContaining({ code: 'MODEL_INVALID', node: 'encoder.weight' });
        expect(() => readPayload(values)).toThrow(refusal);
        expect(() => readPayload(scales)).toThrow(refusal);
      }
    }
  });
});

describe('float16 scales', () => {
  it('are the smallest float16 that covers the channel, so that no value is clipped', () => {
    const magnitude = fc.double({ min: 1e-9, max: 8e6, noNaN: true }).map(Math.fround);
    fc.assert(fc.property(fc.array(fc.tuple(magnitude, fc.float({ min: -1, max: 1, noNaN: true })), { minLength: 1, maxLength: 6 }), (rows) => {
      const data = rows.flatMap(([max, part]) => [max, Math.fround(max * part)]);
      const { q, scales } = quantized([rows.length, 2], 0, data, INT8, 'float16');
      rows.forEach(([max], row) => {
        const scale = scales[row]!;
        expect(halfToNumber(float16Bits(scale))).toBe(scale);
        expect(scale).toBeGreaterThanOrEqual(max / 127);
        expect(halfToNumber(float16Bits(scale) - 1)).toBeLessThan(max / 127);
      });
      expect(Math.max(...q.map(Math.abs))).toBeLessThanOrEqual(127);
      expectHalfStep([rows.length, 2], 0, data, INT8, { q, scales });
    }), { numRuns: 500 });
  });

  it('are 1 for a row of zeros', () => {
    // 2 / 127 lies between two float16 values; with the upper one 1 is 63.48 steps, with the exact quotient it would be 63.5.
    expect(quantized([2, 2], 0, [0, -0, 1, 2], INT8, 'float16')).toEqual({ q: [0, 0, 63, 127], scales: [1, 0.0157623291015625] });
  });

  it('that float16 cannot hold are refused by name', () => {
    const { scales } = quantizeSymmetric(arrayTensor('float32', [1, 1], Float32Array.of(65505 * 127)), 0, INT8, 'table', 'float16');
    expect(() => scales.chunks()).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', node: 'table' }));
  });
});

interface Result {
  q: number[];
  scales: number[];
}

function quantized(dims: number[], axis: number | undefined, data: number[], type: QuantType, scaleType: 'float32' | 'float16' = 'float32'): Result {
  const { values, scales } = quantizeSymmetric(arrayTensor('float32', dims, Float32Array.from(data)), axis, type, 'w', scaleType);
  expect(scales.dtype).toBe(scaleType);
  return { q: [...decode(values, type.dtype)], scales: [...decode(scales, scaleType)] };
}

/**
 * |x - s (q - z)| <= s / 2, in units of s: the quotient has magnitude at most 128 and is rounded to float32, which moves it by at most
 * 128 x 2^-24; the scale's own rounding moves the largest element of a uint8 channel by as much.
 */
function expectHalfStep(dims: number[], axis: number | undefined, data: number[], type: QuantType, { q, scales }: Result): void {
  const channelOf = channels(dims, axis);
  data.forEach((x, i) => {
    const scale = scales[channelOf(i)]!;
    expect(q[i]).toBeGreaterThanOrEqual(type.min);
    expect(q[i]).toBeLessThanOrEqual(type.max);
    expect(Math.abs(x / scale - (q[i]! - type.zeroPoint))).toBeLessThanOrEqual(0.5 + 2 * 128 * 2 ** -24);
  });
}

/** Slow arithmetic on single elements: float64 for the scale, one float32 rounding of scale and quotient, then half to even. */
function slowly(dims: number[], axis: number | undefined, data: Float32Array): { scales: Float32Array; values: Int8Array } {
  const channelOf = channels(dims, axis);
  const maxima: number[] = [];
  data.forEach((x, i) => (maxima[channelOf(i)] = Math.max(maxima[channelOf(i)] ?? 0, Math.abs(x))));
  const scales = Float32Array.from(maxima, (max) => (max / 127 < 2 ** -126 ? 1 : (2 * max) / 254));
  return { scales, values: Int8Array.from(data, (x, i) => halfToEven(Math.fround(x / scales[channelOf(i)]!))) };
}

function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

function channels(dims: number[], axis: number | undefined): (index: number) => number {
  if (axis === undefined) return () => 0;
  const inner = elementCount(dims.slice(axis + 1));
  return (index) => Math.floor(index / inner) % dims[axis]!;
}

/** Values of a 32-bit linear congruential generator with channels of different size. */
function seeded(count: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * (1 + (i % 5));
  });
}

/** A tensor in pieces of one, two and three 64-bit words, each at an offset that no typed array of floats could start at. */
function inPieces(dims: number[], data: Float32Array): Tensor {
  return {
    dtype: 'float32',
    dims,
    byteLength: data.byteLength,
    *chunks() {
      for (let at = 0, words = 1; at < data.length; at += 2 * words, words = (words % 3) + 1) {
        const piece = data.slice(at, at + 2 * words);
        const shifted = new Uint8Array(piece.byteLength + 1).subarray(1);
        shifted.set(new Uint8Array(piece.buffer));
        yield shifted;
      }
    },
  };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
