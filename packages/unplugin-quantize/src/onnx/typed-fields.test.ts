import { describe, expect, it } from 'vitest';
import { concatBytes, field, fixed32, fixed64, message, packed, tensorModel, varint } from '../../../../test/support/wire-format.ts';
import { readPayload, tensorOf, type DType, type Model } from './index.ts';

/** The values of the only initializer of a model, in raw form. */
function rawOf(model: Model): Uint8Array {
  return readPayload(tensorOf(model, model.proto.graph!.initializer[0]!));
}

const many = <T>(values: readonly T[]): T[] => Array.from({ length: 600 }, (_, i) => values[i % values.length]!);
const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

interface Row {
  dtype: DType;
  /** TensorProto field number that lists the values. */
  no: number;
  values: (number | bigint)[];
  encode: (value: number | bigint) => Uint8Array;
  raw: (values: (number | bigint)[]) => ArrayBufferView;
}

const int = (value: number | bigint): Uint8Array => varint(BigInt(value));
const numbers = (values: (number | bigint)[]): number[] => values.map(Number);
const ROWS: Row[] = [
  { dtype: 'float32', no: 4, values: [0.1, -0, 1e38, NaN], encode: (v) => fixed32(Number(v)), raw: (v) => Float32Array.from(numbers(v)) },
  { dtype: 'float64', no: 10, values: [0.1, -1e300], encode: (v) => fixed64(Number(v)), raw: (v) => Float64Array.from(numbers(v)) },
  { dtype: 'int32', no: 5, values: [0, -1, 2 ** 31 - 1, -(2 ** 31)], encode: int, raw: (v) => Int32Array.from(numbers(v)) },
  { dtype: 'int16', no: 5, values: [-32768, 32767, -1], encode: int, raw: (v) => Int16Array.from(numbers(v)) },
  { dtype: 'int8', no: 5, values: [-128, 127, -1], encode: int, raw: (v) => Int8Array.from(numbers(v)) },
  { dtype: 'uint8', no: 5, values: [0, 255], encode: int, raw: (v) => Uint8Array.from(numbers(v)) },
  { dtype: 'uint16', no: 5, values: [0, 65535], encode: int, raw: (v) => Uint16Array.from(numbers(v)) },
  { dtype: 'bool', no: 5, values: [0, 1], encode: int, raw: (v) => Uint8Array.from(numbers(v)) },
  { dtype: 'float16', no: 5, values: [0x3c00, 0x8000, 0xfbff], encode: int, raw: (v) => Uint16Array.from(numbers(v)) },
  { dtype: 'bfloat16', no: 5, values: [0x3f80, 0xff80], encode: int, raw: (v) => Uint16Array.from(numbers(v)) },
  { dtype: 'float8e4m3fn', no: 5, values: [0x7f, 0x80], encode: int, raw: (v) => Uint8Array.from(numbers(v)) },
  { dtype: 'int64', no: 7, values: [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 31n, 2n ** 32n + 5n], encode: int, raw: (v) => BigInt64Array.from(v, BigInt) },
  { dtype: 'uint64', no: 11, values: [0n, 2n ** 64n - 1n, 2n ** 63n], encode: int, raw: (v) => BigUint64Array.from(v, BigInt) },
  { dtype: 'uint32', no: 11, values: [0, 2 ** 32 - 1], encode: int, raw: (v) => Uint32Array.from(numbers(v)) },
];

describe('elements that are listed one by one', () => {
  describe.each(ROWS)('$dtype in field $no', ({ dtype, no, values, encode, raw }) => {
    it.each([['a few', values], ['many', many(values)]])('packed, %s', (_, list) => {
      expect(rawOf(tensorModel(dtype, [list.length], packed(no, list.map(encode))))).toEqual(bytesOf(raw(list)));
    });

    it.each([['a few', values], ['many', many(values)]])('unpacked, %s', (_, list) => {
      const wireType = no === 4 ? 5 : no === 10 ? 1 : 0;
      const fields = concatBytes(list.map((value) => field(no, wireType, encode(value))));
      expect(rawOf(tensorModel(dtype, [list.length], fields))).toEqual(bytesOf(raw(list)));
    });

    it('packed in two pieces', () => {
      const list = many(values);
      const pieces = concatBytes([packed(no, list.slice(0, 300).map(encode)), packed(no, list.slice(300).map(encode))]);
      expect(rawOf(tensorModel(dtype, [list.length], pieces))).toEqual(bytesOf(raw(list)));
    });

    it('too few for the shape', () => {
      expect(() => rawOf(tensorModel(dtype, [1000], packed(no, many(values).map(encode))))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    });
  });

  it('packs types below 8 bits as bytes', () => {
    expect(rawOf(tensorModel('int4', [3], packed(5, [int(0x21), int(0x03)])))).toEqual(Uint8Array.of(0x21, 0x03));
  });

  it('takes complex numbers as pairs', () => {
    expect(rawOf(tensorModel('complex64', [1], packed(4, [fixed32(1), fixed32(-2)])))).toEqual(bytesOf(Float32Array.of(1, -2)));
  });

  it('prefers raw data, of which there is one field', () => {
    const raw = bytesOf(Float32Array.of(1, 2));
    expect(rawOf(tensorModel('float32', [2], field(9, 2, message(raw))))).toEqual(raw);
  });

  it('refuses types that the standard does not have', () => {
    const model = tensorModel('float32', [1], field(9, 2, message(new Uint8Array(4))));
    model.proto.graph!.initializer[0]!.dataType = 99;
    expect(() => rawOf(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID', what: expect.stringContaining('99') }));
  });
});
