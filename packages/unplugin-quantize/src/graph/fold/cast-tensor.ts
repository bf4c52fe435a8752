import { elementCount, float16ToFloat32, float32BitsToFloat16, rawByteLength, type DType, type Tensor } from '../../onnx/index.ts';

/** Writes the elements of one raw piece into another. */
type Convert = (from: Uint8Array, to: Uint8Array) => void;

/** The typed arrays of integer types; an assignment between two of them cuts or extends the bits as Cast does. */
const INTEGERS = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
} as const;

/**
 * A tensor in another element type, converted piece by piece when it is read.
 * float32 to and from float16 and float64 (half to even), float16 to float64, and integers among each other (modulo 2^bits).
 *
 * @returns undefined for other pairs of types
 */
export function castTensor(tensor: Tensor, dtype: DType): Tensor | undefined {
  if (tensor.dtype === dtype) return tensor;
  const convert = FLOAT_CASTS[`${tensor.dtype}>${dtype}`] ?? integerCast(tensor.dtype, dtype);
  if (convert === undefined) return undefined;
  const count = elementCount(tensor.dims);
  const widthFrom = rawByteLength(tensor.dtype, 1);
  const widthTo = rawByteLength(dtype, 1);
  return {
    dtype,
    dims: tensor.dims,
    byteLength: count * widthTo,
    *chunks() {
      for (const chunk of tensor.chunks()) {
        const to = new Uint8Array((chunk.byteLength / widthFrom) * widthTo);
        convert(aligned(chunk, widthFrom), to);
        yield to;
      }
    },
  };
}

const FLOAT_CASTS: Record<string, Convert> = {
  'float32>float16': (from, to) => float32BitsToFloat16(view(Uint32Array, from), view(Uint16Array, to)),
  'float16>float32': (from, to) => float16ToFloat32(view(Uint16Array, from), view(Float32Array, to)),
  'float32>float64': (from, to) => view(Float64Array, to).set(view(Float32Array, from)),
  'float64>float32': (from, to) => view(Float32Array, to).set(view(Float64Array, from)),
  'float16>float64': (from, to) => {
    const single = new Float32Array(from.byteLength / 2);
    float16ToFloat32(view(Uint16Array, from), single);
    view(Float64Array, to).set(single);
  },
};

function integerCast(from: DType, to: DType): Convert | undefined {
  const From = integerArray(from);
  const To = integerArray(to);
  if (From === undefined || To === undefined) return undefined;
  return (bytes, target) => {
    const values = view<ArrayLike<number | bigint>>(From, bytes);
    const results = view<{ [index: number]: number | bigint }>(To, target);
    const isWide = To.BYTES_PER_ELEMENT === 8;
    const isFromWide = From.BYTES_PER_ELEMENT === 8;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (isWide === isFromWide) results[i] = value;
      else results[i] = isWide ? BigInt(value) : Number(BigInt.asUintN(32, BigInt(value)));
    }
  };
}

function integerArray(dtype: DType): (typeof INTEGERS)[keyof typeof INTEGERS] | undefined {
  return dtype in INTEGERS ? INTEGERS[dtype as keyof typeof INTEGERS] : undefined;
}

type ViewOf<V> = { new (buffer: ArrayBufferLike, byteOffset: number, length: number): V; readonly BYTES_PER_ELEMENT: number };

function view<V>(Type: ViewOf<V>, bytes: Uint8Array): V {
  return new Type(bytes.buffer, bytes.byteOffset, bytes.byteLength / Type.BYTES_PER_ELEMENT);
}

/** The bytes themselves, or a copy where a typed array could not start at their offset. */
function aligned(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : bytes.slice();
}
