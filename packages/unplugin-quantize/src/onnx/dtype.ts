import { TensorProto_DataType as Code } from './gen/onnx_pb.ts';

/** Element types by ONNX code: the name used everywhere here, the bits of one element in raw form, and how many bytes of raw form a value of int32_data holds. */
const TABLE = [
  { name: 'float32', code: Code.FLOAT, bits: 32 },
  { name: 'uint8', code: Code.UINT8, bits: 8 },
  { name: 'int8', code: Code.INT8, bits: 8 },
  { name: 'uint16', code: Code.UINT16, bits: 16 },
  { name: 'int16', code: Code.INT16, bits: 16 },
  { name: 'int32', code: Code.INT32, bits: 32 },
  { name: 'int64', code: Code.INT64, bits: 64 },
  { name: 'string', code: Code.STRING, bits: 0 },
  { name: 'bool', code: Code.BOOL, bits: 8 },
  { name: 'float16', code: Code.FLOAT16, bits: 16 },
  { name: 'float64', code: Code.DOUBLE, bits: 64 },
  { name: 'uint32', code: Code.UINT32, bits: 32 },
  { name: 'uint64', code: Code.UINT64, bits: 64 },
  { name: 'complex64', code: Code.COMPLEX64, bits: 64 },
  { name: 'complex128', code: Code.COMPLEX128, bits: 128 },
  { name: 'bfloat16', code: Code.BFLOAT16, bits: 16 },
  { name: 'float8e4m3fn', code: Code.FLOAT8E4M3FN, bits: 8 },
  { name: 'float8e4m3fnuz', code: Code.FLOAT8E4M3FNUZ, bits: 8 },
  { name: 'float8e5m2', code: Code.FLOAT8E5M2, bits: 8 },
  { name: 'float8e5m2fnuz', code: Code.FLOAT8E5M2FNUZ, bits: 8 },
  { name: 'uint4', code: Code.UINT4, bits: 4 },
  { name: 'int4', code: Code.INT4, bits: 4 },
  { name: 'float4e2m1', code: Code.FLOAT4E2M1, bits: 4 },
  { name: 'float8e8m0', code: Code.FLOAT8E8M0, bits: 8 },
  { name: 'uint2', code: Code.UINT2, bits: 2 },
  { name: 'int2', code: Code.INT2, bits: 2 },
  { name: 'float6e2m3', code: Code.FLOAT6E2M3, bits: 6 },
  { name: 'float6e3m2', code: Code.FLOAT6E3M2, bits: 6 },
] as const;

export type DType = (typeof TABLE)[number]['name'];

const BY_CODE = new Map<number, (typeof TABLE)[number]>(TABLE.map((row) => [row.code, row]));
const BY_NAME = new Map<string, (typeof TABLE)[number]>(TABLE.map((row) => [row.name, row]));

/** The name of an ONNX element type code, or undefined for a code that the standard does not have. */
export function dtypeOf(code: number): DType | undefined {
  return BY_CODE.get(code)?.name;
}

/** The ONNX code of an element type. */
export function dtypeCode(dtype: DType): Code {
  return BY_NAME.get(dtype)!.code;
}

/** Bytes of `elements` values in raw form, elements below 8 bits packed. Strings have no raw form: 0. */
export function rawByteLength(dtype: DType, elements: number): number {
  return Math.ceil((elements * BY_NAME.get(dtype)!.bits) / 8);
}
