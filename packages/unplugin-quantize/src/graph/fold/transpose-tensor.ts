import { CHUNK_BYTES, elementCount, rawByteLength, readPayload, type Tensor } from '../../onnx/index.ts';

/**
 * A tensor with its axes in another order, as Transpose defines it: output axis i is input axis perm[i].
 * The source is read whole when the result is read, and the result is made piece by piece.
 *
 * @returns undefined for elements below 8 bits, which share bytes
 */
export function transposeTensor(tensor: Tensor, perm: readonly number[]): Tensor | undefined {
  if (rawByteLength(tensor.dtype, 2) !== 2 * rawByteLength(tensor.dtype, 1)) return undefined;
  const dims = perm.map((axis) => tensor.dims[axis]!);
  return { dtype: tensor.dtype, dims, byteLength: tensor.byteLength, chunks: () => transposed(tensor, perm) };
}

/** True when no axis longer than 1 changes its place, so that the elements stay in order. */
export function keepsOrder(dims: readonly number[], perm: readonly number[]): boolean {
  const long = perm.filter((axis) => dims[axis] !== 1);
  return long.every((axis, i) => i === 0 || axis > long[i - 1]!);
}

function* transposed(tensor: Tensor, perm: readonly number[]): Generator<Uint8Array> {
  const bytes = readPayload(tensor);
  const width = rawByteLength(tensor.dtype, 1);
  // Elements wider than 4 bytes are a last axis of 4-byte words, so that no value goes through a number.
  const words = width > 4 ? width / 4 : 1;
  const Words = width === 1 ? Uint8Array : width === 2 ? Uint16Array : Uint32Array;
  const source = new Words(bytes.buffer as ArrayBuffer, 0, bytes.byteLength / Words.BYTES_PER_ELEMENT);
  const inDims = [...tensor.dims, words];
  const axes = [...perm, tensor.dims.length];
  const inStrides = inDims.map((_, axis) => elementCount(inDims.slice(axis + 1)));
  const dims = axes.map((axis) => inDims[axis]!);
  const strides = axes.map((axis) => inStrides[axis]!);

  const piece = new Words(Math.min(CHUNK_BYTES / Words.BYTES_PER_ELEMENT, source.length));
  const index = dims.map(() => 0);
  let filled = 0;
  let from = 0;
  for (let done = 0; done < source.length; done++) {
    piece[filled++] = source[from]!;
    if (filled === piece.length || done === source.length - 1) {
      yield new Uint8Array(piece.buffer, 0, filled * Words.BYTES_PER_ELEMENT);
      filled = 0;
    }
    // The index counts up like an odometer, and the place in the source follows by strides.
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
}
