import { QuantizeError } from '../../errors.ts';
import type { FoundFile } from '../files/find-files.ts';
import { showType, sizeOf, type Feeds, type SampleTensor, type TensorData } from '../tensor.ts';

/** One row of the first dimension, as a tensor whose first dimension is 1. */
export function cutRow({ dtype, dims, data }: SampleTensor, row: number): SampleTensor {
  const length = sizeOf(dims.slice(1));
  return { dtype, dims: [1, ...dims.slice(1)], data: data.slice(row * length, (row + 1) * length) };
}

/**
 * Rows one below the other.
 *
 * @throws QuantizeError SAMPLES_INVALID when files of one batch differ in names, types or shapes
 */
export function joinRows(rows: readonly (SampleTensor | Feeds)[], file: FoundFile): SampleTensor | Feeds {
  const first = rows[0]!;
  if (isTensor(first)) return joinTensors(rows as SampleTensor[], file);
  return mapValues(first, (_, name) => joinTensors(rows.map((row) => (row as Feeds)[name]), file));
}

function joinTensors(rows: readonly (SampleTensor | undefined)[], { path }: FoundFile): SampleTensor {
  const { dtype, dims } = rows[0]!;
  const odd = rows.find((row) => row === undefined || row.dtype !== dtype || row.dims.join() !== dims.join());
  if (odd !== undefined || rows.includes(undefined)) {
    const found = odd === undefined ? 'no array of that name' : showType(odd.dtype, odd.dims);
    throw new QuantizeError('SAMPLES_INVALID', `Rows of one batch differ: ${showType(dtype, dims)} and ${found}.`, { option: path, hint: 'Give `batch: 1`.' });
  }
  return { dtype, dims: [rows.length, ...dims.slice(1)], data: concat(rows.map((row) => row!.data)) };
}

function concat(parts: readonly TensorData[]): TensorData {
  if (Array.isArray(parts[0])) return (parts as string[][]).flat();
  const arrays = parts as Float32Array[];
  const out = new (arrays[0]!.constructor as Float32ArrayConstructor)(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

function isTensor(value: SampleTensor | Feeds): value is SampleTensor {
  return ArrayBuffer.isView(value['data']) || Array.isArray(value['data']);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export function mapValues<A, B>(record: Record<string, A>, map: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}
