import { elementCount, rawByteLength, readPayload, type Tensor } from '../../onnx/index.ts';
import { piecesOf, type Run } from './pieces.ts';

/** Places of an axis, in order: evenly spaced, or a list in which they may repeat. */
export type Places = { readonly start: number; readonly step: number; readonly length: number } | readonly number[];

/**
 * The given places of one axis: what Slice, Split and Gather take out of a tensor. The source is read whole when the result is read.
 *
 * @param places from 0 to dims[axis] - 1
 * @returns undefined for elements below 8 bits, which share bytes
 */
export function selectTensor(tensor: Tensor, axis: number, places: Places): Tensor | undefined {
  const width = byteWidth(tensor);
  if (width === undefined) return undefined;
  const dims = tensor.dims.map((dim, at) => (at === axis ? places.length : dim));
  const inner = width * elementCount(dims.slice(axis + 1));
  const outer = elementCount(dims.slice(0, axis));
  const byteLength = outer * places.length * inner;
  const stride = tensor.dims[axis]! * inner;
  return { dtype: tensor.dtype, dims, byteLength, chunks: () => (byteLength === 0 ? [] : piecesOf(runs(), byteLength)) };

  function* runs(): Generator<Run> {
    const bytes = readPayload(tensor);
    for (let block = 0; block < outer; block++) {
      for (const [first, count] of neighbours(places)) yield [bytes, block * stride + first * inner, count * inner];
    }
  }
}

/** Bytes of one element; undefined for elements below 8 bits. */
export function byteWidth({ dtype }: Tensor): number | undefined {
  const width = rawByteLength(dtype, 1);
  return rawByteLength(dtype, 2) === 2 * width ? width : undefined;
}

/** The places that Slice takes of an axis: `start` to before `end`, both counted from the end where they are negative, and cut to the axis. */
export function slicePlaces(dim: number, start: number, end: number, step: number): Places {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? dim : dim - 1;
  const first = clamp(start < 0 ? start + dim : start, 0, high);
  const last = clamp(end < 0 ? end + dim : end, low, high);
  return { start: first, step, length: Math.max(0, Math.ceil((last - first) / step)) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The places as first ones and counts of neighbours, which can be copied together. */
function* neighbours(places: Places): Generator<readonly [first: number, count: number]> {
  if ('start' in places) {
    const { start, step, length } = places;
    if (step === 1) yield [start, length];
    else for (let i = 0; i < length; i++) yield [start + i * step, 1];
    return;
  }
  for (let from = 0; from < places.length; ) {
    let to = from + 1;
    while (to < places.length && places[to] === places[to - 1]! + 1) to++;
    yield [places[from]!, to - from];
    from = to;
  }
}
