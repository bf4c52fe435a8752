import { float32BitsToFloat16 } from '../onnx/index.ts';

/** The elements of a tensor as onnxruntime's JavaScript API holds them: bool as 0 and 1 in bytes, float16 as bit patterns. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** One input or output value: `data` in row-major order, as many elements as `dims` multiply to. */
export interface SampleTensor {
  /** ONNX name in lower case: `float32`, `int64`... */
  dtype: string;
  dims: number[];
  data: TensorData;
}

/** One sample: a value for every input, by the input's name. */
export type Feeds = Record<string, SampleTensor>;

/** How each element type is held. Types that are not in the table cannot be fed through onnxruntime's JavaScript API. */
export const ARRAY_OF = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

export type FedType = keyof typeof ARRAY_OF;

export function isFedType(dtype: string): dtype is FedType {
  return Object.hasOwn(ARRAY_OF, dtype);
}

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** `float32[1,3,?,width]`, as errors show a type and shape. */
export function showType(dtype: string, dims: readonly (number | string | null)[] | null): string {
  return dims === null ? dtype : `${dtype}[${dims.map((dim) => dim ?? '?').join(',')}]`;
}

/** Numbers in the array type that holds `dtype`, converted as a typed array converts them; float16 rounds half to even. */
export function toArray(dtype: FedType, values: readonly number[]): Exclude<TensorData, string[]> {
  if (dtype === 'int64') return BigInt64Array.from(values, BigInt);
  if (dtype === 'uint64') return BigUint64Array.from(values, BigInt);
  if (dtype !== 'float16') return ARRAY_OF[dtype].from(values);
  const halves = new Uint16Array(values.length);
  float32BitsToFloat16(new Uint32Array(Float32Array.from(values).buffer), halves);
  return halves;
}
