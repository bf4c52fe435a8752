import type { ProfiledNode, ProfiledValue } from './profile.ts';

/** Multiply-adds of a node and the type that they are done in. */
export interface Products {
  count: number;
  dtype: string;
}

type Count = (node: ProfiledNode) => number;

/** Operators whose work is products; the others touch each element of their outputs about once. */
const COUNTS: Record<string, Count> = {
  ...rows(['MatMul', 'Gemm', 'FusedMatMul', 'FusedGemm', 'TransposeMatMul', 'MatMulInteger', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat'], (node) => matrix(node, 0, 1)),
  ...rows(['QLinearMatMul', 'QGemm'], (node) => matrix(node, 0, 3)),
  ...rows(['MatMulNBits', 'MatMulBnb4'], ({ inputs, outputs }) => size(outputs[0]) * last(inputs[0])),
  ...rows(['Conv', 'FusedConv', 'ConvInteger', 'NhwcFusedConv'], (node) => convolution(node, 1)),
  ...rows(['QLinearConv'], (node) => convolution(node, 3)),
  ...rows(['ConvTranspose'], ({ inputs }) => (size(inputs[0]) * size(inputs[1])) / first(inputs[1])),
  ...rows(['LSTM', 'GRU', 'RNN', 'DynamicQuantizeLSTM'], recurrent),
  ...rows(['Attention', 'QAttention'], (node) => attention(node) + (rowsOf(node.inputs[0]) * size(node.inputs[1]))),
  ...rows(['MultiHeadAttention'], attention),
};

/** Operators of integers although their first input is floating point, which they quantize on the way. */
const INTEGER = new Set(['DynamicQuantizeMatMul', 'DynamicQuantizeLSTM', 'QAttention']);

/** Multiply-adds follow from the shapes that a run had. */
export function productsOf(node: ProfiledNode): Products | undefined {
  const count = COUNTS[node.op]?.(node);
  if (count === undefined || !Number.isFinite(count)) return undefined;
  return { count, dtype: arithmeticOf(INTEGER.has(node.op) ? 'int8' : (node.inputs[0]?.dtype ?? 'float')) };
}

const ARITHMETIC: Record<string, string> = { float: 'float32', double: 'float32', float16: 'float16', bfloat16: 'float16', int8: 'int8', uint8: 'int8' };

/** The type that a value is computed in; integers of other sizes count as 32 bits. */
export function arithmeticOf(dtype: string): string {
  return ARITHMETIC[dtype] ?? 'int32';
}

/** Of two factors [m, k] and [k, n], either transposed: k^2 is the product of both sizes over m n. */
function matrix({ inputs, outputs }: ProfiledNode, left: number, right: number): number {
  const [a, b, y] = [inputs[left], inputs[right], outputs[0]];
  if ((a?.dims.length ?? 0) < 2 || (b?.dims.length ?? 0) < 2) return size(y) * Math.min(size(a), size(b));
  const depth = Math.sqrt((plane(a) * plane(b)) / plane(y));
  return size(y) * depth;
}

/** Each output element takes as many as a filter has elements. */
function convolution({ inputs, outputs }: ProfiledNode, weight: number): number {
  return (size(outputs[0]) * size(inputs[weight])) / first(inputs[weight]);
}

/** Input [steps, batch, features]: each row meets all weights of the input and of the state. */
function recurrent({ inputs }: ProfiledNode): number {
  return rowsOf(inputs[0]) * (size(inputs[1]) + size(inputs[2]));
}

/** Scores and their use: two products of [rows, width] with as many rows as the sequence has. */
function attention({ inputs, outputs }: ProfiledNode): number {
  const steps = inputs[0]?.dims[1] ?? 0;
  return 2 * size(outputs[0]) * steps;
}

function rows(ops: readonly string[], count: Count): Record<string, Count> {
  return Object.fromEntries(ops.map((op) => [op, count]));
}

export function size(value: ProfiledValue | undefined): number {
  return value === undefined ? Number.NaN : value.dims.reduce((product, dim) => product * dim, 1);
}

function plane(value: ProfiledValue | undefined): number {
  return (value?.dims.slice(-2) ?? []).reduce((product, dim) => product * dim, 1);
}

function rowsOf(value: ProfiledValue | undefined): number {
  return size(value) / last(value);
}

function first(value: ProfiledValue | undefined): number {
  return value?.dims[0] ?? Number.NaN;
}

function last(value: ProfiledValue | undefined): number {
  return value?.dims.at(-1) ?? Number.NaN;
}
