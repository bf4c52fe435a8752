import type { Tensor } from './types.ts';

/** What all typed arrays have. */
type Values = Uint8Array;

type TensorConstructor = new (type: string, data: unknown, dims: readonly number[]) => Tensor;

/** A tensor in the process's own memory as engines take it, without the class of any of them. */
export class PlainTensor {
  readonly location = 'cpu';
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
  constructor(type: string, data: unknown, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/** Whether a tensor's elements are numbers in the process's own memory, as many as its shape says: only such can be put behind others. */
export function isStackable(tensor: Tensor | undefined): tensor is Tensor {
  if (tensor === undefined || (tensor.location ?? 'cpu') !== 'cpu' || !ArrayBuffer.isView(tensor.data)) return false;
  return (tensor.data as unknown as Values).length === countOf(tensor.dims);
}

/** Tensors of one type and one shape but for the first dimension, along which they are put together. */
export function stack(tensors: readonly [Tensor, ...Tensor[]]): Tensor {
  const [first] = tensors;
  const parts = tensors.map(({ data }) => data as unknown as Values);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new (parts[0]!.constructor as new (length: number) => Values)(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  const rows = tensors.reduce((sum, { dims }) => sum + dims[0]!, 0);
  return new PlainTensor(first.type, data, [rows, ...first.dims.slice(1)]) as unknown as Tensor;
}

/** The first so many rows of a tensor, the next ones, and so on, each in memory of its own; the tensor is gone then. */
export async function unstack(tensor: Tensor, rows: readonly number[]): Promise<Tensor[]> {
  const { type, dims } = tensor;
  const width = countOf(dims.slice(1));
  const data = (await tensor.getData()) as unknown as Values;
  let row = 0;
  const parts = rows.map((count) => {
    const part = data.slice(row * width, (row + count) * width);
    row += count;
    return new (tensor.constructor as TensorConstructor)(type, part, [count, ...dims.slice(1)]);
  });
  tensor.dispose();
  return parts;
}

/** Whether two stackable tensors have the same type, shape and bytes. */
export function isEqual(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  const [left, right] = [a, b].map((tensor) => bytesOf(tensor.data as unknown as Values)) as [Values, Values];
  return a.data === b.data || left.every((byte, i) => byte === right[i]);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Values {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
