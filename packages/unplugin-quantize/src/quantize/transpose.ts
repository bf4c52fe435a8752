import { readPayload, type Tensor } from '../onnx/index.ts';

/** Tiles of this many rows and columns keep both sides of a transposition in the cache. */
const TILE = 32;

/** The transpose of a float32 matrix [rows, columns], computed when it is read. */
export function transposed(tensor: Tensor): Tensor {
  const [rows, columns] = tensor.dims as [number, number];
  return {
    dtype: tensor.dtype,
    dims: [columns, rows],
    byteLength: tensor.byteLength,
    *chunks() {
      const bytes = readPayload(tensor);
      const from = new Float32Array(bytes.buffer, bytes.byteOffset, rows * columns);
      const to = new Float32Array(rows * columns);
      for (let top = 0; top < rows; top += TILE) {
        for (let left = 0; left < columns; left += TILE) {
          transposeTile(from, to, rows, columns, top, left);
        }
      }
      yield new Uint8Array(to.buffer);
    },
  };
}

function transposeTile(from: Float32Array, to: Float32Array, rows: number, columns: number, top: number, left: number): void {
  const bottom = Math.min(rows, top + TILE);
  const right = Math.min(columns, left + TILE);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) to[column * rows + row] = from[row * columns + column]!;
  }
}
