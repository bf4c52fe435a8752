import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { externalizeData, tensorProto, writeModel, type Model, type Payload, type Tensor } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildModel } from '../support/build-model.ts';

/** Rows and columns of the matrices: 256 MiB each. */
export const WIDTH = 8192;
const CHUNK = new Uint8Array(1 << 20);
const ROW_BYTES = WIDTH * 4;

/** Name of the data file of models that have one. */
export const DATA = 'model.data';

export interface LargeModel {
  path: string;
  /** Bytes of the model and its data file. */
  bytes: number;
  /** Number of matrices `w0`, `w1`... besides the `table`. */
  matrices: number;
}

/**
 * Writes a model of square matrices in a row behind a table: y = table[ids] w0 w1 ... Only the first and the last row of each weight are not zero
 * (`markedRow`), and the files have holes where the zeros are, so that writing costs neither time nor space.
 *
 * @param bytes size of all weights together, up to a row
 * @param isSplit whether weights are in a file of their own
 */
export function writeLargeModel(folder: string, bytes: number, isSplit: boolean): LargeModel {
  const matrices = Math.floor(bytes / (WIDTH * ROW_BYTES));
  const rows = Math.max(2, Math.floor((bytes - matrices * WIDTH * ROW_BYTES) / ROW_BYTES));
  const value = (i: number): string => (i === 0 ? 'embedded' : `h${i - 1}`);
  const model = buildModel({
    nodes: [makeNode('Gather', ['table', 'ids'], [value(0)]), ...Array.from({ length: matrices }, (_, i) => makeNode('MatMul', [value(i), `w${i}`], [value(i + 1)]))],
    inputs: { ids: 'int64[N]' }, outputs: { [value(matrices)]: `float32[N,${WIDTH}]` },
  });
  const { initializer } = model.proto.graph!;
  initializer.push(tensorProto(model, 'table', sparseTensor(0, rows)), ...Array.from({ length: matrices }, (_, i) => tensorProto(model, `w${i}`, sparseTensor(i + 1, WIDTH))));
  const data = isSplit ? externalizeData(model, initializer, DATA) : undefined;
  const path = join(folder, 'model.onnx');
  return { path, matrices, bytes: writeSparse(path, writeModel(model)) + (data === undefined ? 0 : writeSparse(join(folder, DATA), data)) };
}

/** Saves a model and its weights, which go into a file beside it. */
export function writeSplit(model: Model, path: string, location: string): void {
  const data = externalizeData(model, model.proto.graph!.initializer, location);
  writeSparse(join(path, '..', location), data);
  writeSparse(path, writeModel(model));
}

/** The first row of weight `index`, or the last with the other sign: between -1 and 1, different in each column. */
export function markedRow(index: number, isLast: boolean): Float32Array {
  return Float32Array.from({ length: WIDTH }, (_, i) => ((((i * 31 + index * 17) % 251) - 125) / 128) * (isLast ? -0.5 : 1));
}

function sparseTensor(index: number, rows: number): Tensor {
  const byteLength = rows * ROW_BYTES;
  return {
    dtype: 'float32',
    dims: [rows, WIDTH],
    byteLength,
    *chunks() {
      yield new Uint8Array(markedRow(index, false).buffer);
      for (let left = byteLength - 2 * ROW_BYTES; left > 0; left -= CHUNK.length) yield left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left);
      yield new Uint8Array(markedRow(index, true).buffer);
    },
  };
}

/** Writes a stream and leaves holes for zeros. */
function writeSparse(path: string, { byteLength, chunks }: Payload): number {
  const file = openSync(path, 'w');
  try {
    let position = 0;
    for (const chunk of chunks()) {
      if (chunk.buffer !== CHUNK.buffer) writeSync(file, chunk, 0, chunk.length, position);
      position += chunk.length;
    }
    ftruncateSync(file, byteLength);
    return position;
  } finally {
    closeSync(file);
  }
}
