import type { Tensor } from '../onnx/index.ts';
import { float32Chunks } from './float-chunks.ts';

/** Added and subtracted, it rounds a float64 of float32 size to the nearest integer, ties to even (3 x 2^51). */
export const ROUNDER = 6_755_399_441_055_744;

/** The largest magnitude of a run, and `atLeast` where that is larger; NaN where there is one. */
export function runMaximum(values: Float32Array, from: number, to: number, atLeast: number): number {
  let max = atLeast;
  for (let i = from; i < to; i++) {
    const magnitude = Math.abs(values[i]!);
    // Nothing is larger than NaN, so a NaN stays.
    if (magnitude > max || Number.isNaN(magnitude)) max = magnitude;
  }
  return max;
}

/** Quantizes a run inside one channel. Negative numbers wrap to their two's complement byte. */
export function quantizeRun(values: Float32Array, target: Uint8Array, from: number, to: number, scale: number, { zeroPoint, max }: { zeroPoint: number; max: number }): void {
  const high = max - zeroPoint;
  for (let i = from; i < to; i++) {
    const rounded = Math.fround(values[i]! / scale) + ROUNDER - ROUNDER;
    // Symmetric scales never reach below the smallest value, but 127.5 of a uint8 rounds up beyond the largest.
    target[i] = (rounded > high ? high : rounded) + zeroPoint;
  }
}

/**
 * Quantizes a tensor of [rows, inner] row by row in one pass: a row's scale is known when it has been looked at, and is used at once.
 *
 * @param scaleOf the scale for a row's largest magnitude
 * @param scales receives the scale of each row
 */
export function* quantizeRows(tensor: Tensor, inner: number, scaleOf: (max: number) => number, scales: Float32Array, type: { zeroPoint: number; max: number }): Generator<Uint8Array> {
  let output = new Uint8Array(0);
  let row = 0;
  for (const values of wholeRows(tensor, inner)) {
    if (output.length < values.length) output = new Uint8Array(values.length);
    for (let from = 0; from < values.length; from += inner) {
      const scale = Math.fround(scaleOf(runMaximum(values, from, from + inner, 0)));
      scales[row++] = scale;
      quantizeRun(values, output, from, from + inner, scale, type);
    }
    yield output.subarray(0, values.length);
  }
}

/** The elements of a tensor in pieces of whole rows: what a piece has of a row that goes on in the next one is carried over. */
function* wholeRows(tensor: Tensor, inner: number): Generator<Float32Array> {
  const buffer = new Float32Array(inner);
  let carried = 0;
  for (const values of float32Chunks(tensor)) {
    const rest = (carried + values.length) % inner;
    let start = 0;
    if (carried > 0) {
      start = Math.min(values.length, inner - carried);
      buffer.set(values.subarray(0, start), carried);
      carried += start;
      if (carried < inner) continue;
      yield buffer;
      carried = 0;
    }
    if (values.length - rest > start) yield values.subarray(start, values.length - rest);
    buffer.set(values.subarray(values.length - rest));
    carried = rest;
  }
}
