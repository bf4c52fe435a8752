import { ARRAY_OF, isFedType, sizeOf, toArray, type FedType, type SampleTensor, type TensorData } from './tensor.ts';

/** What a user's value turned out to be: a tensor, or a sentence that says why it is none. */
export type Reading = { tensor: SampleTensor } | { problem: string };

/** What the model says about the input: the element type, and the dims where all are known numbers. */
export interface Expected {
  dtype: string;
  dims: readonly (number | string | null)[] | null;
}

/**
 * Reads the forms in which users write tensors: an onnxruntime Tensor (`{ type, data, dims }`), a plain `{ data, dims, type? }`,
 * a bare typed array, a number, or nested arrays of numbers. Plain numbers take the input's type; typed arrays bring their own
 * and are never converted, because a silent conversion would hide a wrong preprocessing.
 */
export function readTensor(value: unknown, expected: Expected): Reading {
  if (isRecord(value) && 'data' in value) return readDescribed(value, expected);
  if (ArrayBuffer.isView(value)) return readData(value, undefined, dimsFor(lengthOf(value), expected.dims), expected.dtype);
  const dims = nestedDims(value);
  if (dims === null) return { problem: Array.isArray(value) ? 'nested arrays of uneven lengths' : describe(value) };
  const flat = Array.isArray(value) ? value.flat(Infinity) : [value];
  return readData(flat, undefined, dims.length <= 1 ? dimsFor(flat.length, expected.dims) : dims, expected.dtype);
}

function readDescribed(value: Record<string, unknown>, expected: Expected): Reading {
  const { data, dims = value['shape'], type = value['dtype'] } = value;
  if (!Array.isArray(dims) && !ArrayBuffer.isView(dims)) return { problem: '{ data } without dims' };
  const sizes = Array.from(dims as ArrayLike<unknown>, Number);
  if (sizes.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) return { problem: `dims [${sizes.join(',')}]` };
  return readData(data, typeof type === 'string' ? type : undefined, sizes, expected.dtype);
}

function readData(data: unknown, type: string | undefined, dims: number[], wanted: string): Reading {
  const dtype = type ?? (ArrayBuffer.isView(data) ? typeOfArray(data, wanted) : wanted);
  if (dtype === undefined) return { problem: describe(data) };
  const elements = toElements(data, dtype);
  if (elements === null) return { problem: `${describe(data)} for ${dtype}` };
  if (elements.length !== sizeOf(dims)) return { problem: `${elements.length} elements for dims [${dims.join(',')}]` };
  return { tensor: { dtype, dims, data: elements } };
}

/** Elements in the array type that onnxruntime holds `dtype` in, or null where that would change a value. */
function toElements(data: unknown, dtype: string): TensorData | null {
  if (dtype === 'string') return isStrings(data) ? data : null;
  if (!isFedType(dtype)) return null;
  const ctor = ARRAY_OF[dtype];
  if (data instanceof ctor) return data;
  if (ArrayBuffer.isView(data)) return sameBytes(data, dtype);
  if (!Array.isArray(data)) return null;
  return fromNumbers(data, dtype);
}

/** Views that hold the same bytes under another name: Node's Buffer and clamped bytes, Float16Array for float16, arrays of another realm. */
function sameBytes(view: ArrayBufferView, dtype: FedType): TensorData | null {
  const named = TYPES_OF_ARRAY[view.constructor.name];
  return named?.includes(dtype) ? new ARRAY_OF[dtype](view.buffer as ArrayBuffer, view.byteOffset, lengthOf(view)) : null;
}

/** Plain numbers as `dtype`; null where one does not fit exactly into an integer type. */
function fromNumbers(values: readonly unknown[], dtype: FedType): TensorData | null {
  const isBig = dtype === 'int64' || dtype === 'uint64';
  const numbers = values.map((value) => (typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value));
  if (!numbers.every((value) => typeof value === 'number')) return null;
  if (dtype.startsWith('float')) return toArray(dtype, numbers);
  if (!numbers.every((value, i) => Number.isSafeInteger(value) || (isBig && typeof values[i] === 'bigint'))) return null;
  if (dtype === 'bool' && !numbers.every((value) => value === 0 || value === 1)) return null;
  const out = isBig ? ARRAY_OF[dtype].from(values.map((value) => BigInt(value as number | bigint | boolean))) : toArray(dtype, numbers);
  return values.every((value, i) => (isBig ? BigInt(value as number) : numbers[i]) === out[i]) ? out : null;
}

/** No tensor has more dims; lists could be nested until the call stack overflows. */
const DEEPEST = 64;

/** Element types that a typed array's name can stand for; the first is meant unless the model wants another of them. */
const TYPES_OF_ARRAY: Record<string, readonly FedType[]> = {
  Float32Array: ['float32'],
  Float64Array: ['float64'],
  Float16Array: ['float16'],
  Int8Array: ['int8'],
  Uint8Array: ['uint8', 'bool'],
  Uint8ClampedArray: ['uint8'],
  Buffer: ['uint8', 'bool'],
  Int16Array: ['int16'],
  Uint16Array: ['uint16', 'float16'],
  Int32Array: ['int32'],
  Uint32Array: ['uint32'],
  BigInt64Array: ['int64'],
  BigUint64Array: ['uint64'],
};

function typeOfArray(view: ArrayBufferView, wanted: string): FedType | undefined {
  const types = TYPES_OF_ARRAY[view.constructor.name];
  return types?.find((type) => type === wanted) ?? types?.[0];
}

function lengthOf(view: ArrayBufferView): number {
  return 'length' in view && typeof view.length === 'number' ? view.length : view.byteLength;
}

/**
 * Dims of a flat array: the input's own where all are numbers or the one free dim follows from the length; else one dimension, which
 * the check then compares with the input's.
 */
function dimsFor(length: number, dims: Expected['dims']): number[] {
  const free = (dims ?? []).filter((dim) => typeof dim !== 'number').length;
  const known = (dims ?? []).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1);
  const fits = dims !== null && known > 0 && (free === 0 ? known === length : free === 1 && length % known === 0);
  return fits ? dims.map((dim) => (typeof dim === 'number' ? dim : length / known)) : [length];
}

/** Dims of evenly nested arrays of scalars, [] for a scalar, null for anything else. */
function nestedDims(value: unknown, depth = 0): number[] | null {
  if (depth > DEEPEST) return null;
  if (!Array.isArray(value)) return ['number', 'bigint', 'boolean', 'string'].includes(typeof value) ? [] : null;
  const [first, ...rest] = value.map((item) => nestedDims(item, depth + 1));
  if (first === undefined) return [0];
  const even = first !== null && rest.every((dims) => dims !== null && dims.length === first.length && dims.every((dim, i) => dim === first[i]));
  return even ? [value.length, ...first] : null;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length === 0 ? 'nothing' : [...new Set(value.map((item) => typeof item))].join(' and ')}`;
  return typeof value === 'object' ? value.constructor?.name ?? 'an object' : `a ${typeof value}`;
}
