import { dtypeOf, rawByteLength, type DType } from './dtype.ts';
import type { TensorProto } from './gen/onnx_pb.ts';
import { bytesPayload, readPayload, type Payload } from './payload.ts';

const INT32_DATA = 5;

/**
 * Elements that a TensorProto lists one by one (float_data, int32_data, int64_data, double_data, uint64_data), in raw form.
 * int32_data holds every type of up to 32 bits, float16 as its bits, and packed bytes for types below 8 bits (onnx.proto, TensorProto).
 *
 * @param from a message whose lists were parsed, or the packed content of one list
 * @param field the list's field number where `from` is its content
 */
export function listedPayload(from: TensorProto | Payload, field: number | undefined, dtype: DType): Payload {
  if ('chunks' in from) {
    const bytes = readPayload(from);
    return bytesPayload(field === INT32_DATA ? decodePacked(bytes, listWidth(dtype)) : decodePacked(bytes, dtype === 'uint32' ? 4 : 8));
  }
  if (from.floatData.length > 0) return viewPayload(Float32Array.from(from.floatData));
  if (from.doubleData.length > 0) return viewPayload(Float64Array.from(from.doubleData));
  if (from.int64Data.length > 0) return viewPayload(BigInt64Array.from(from.int64Data));
  if (from.uint64Data.length > 0) {
    return viewPayload(dtypeOf(from.dataType) === 'uint32' ? Uint32Array.from(from.uint64Data, Number) : BigUint64Array.from(from.uint64Data));
  }
  return viewPayload(narrow(Int32Array.from(from.int32Data), listWidth(dtype)));
}

/** Bytes of raw form that one entry of int32_data stands for. */
function listWidth(dtype: DType): 1 | 2 | 4 {
  const bytes = rawByteLength(dtype, 1);
  return bytes <= 1 ? 1 : bytes === 2 ? 2 : 4;
}

function narrow(values: Int32Array, width: 1 | 2 | 4): ArrayBufferView {
  if (width === 4) return values;
  return width === 2 ? Uint16Array.from(values) : Uint8Array.from(values);
}

/** Packed varints to little-endian words of `width` bytes; higher bits are cut, as sign extension makes them redundant. */
function decodePacked(bytes: Uint8Array, width: 1 | 2 | 4 | 8): Uint8Array {
  let count = 0;
  for (const byte of bytes) if (byte < 0x80) count++;
  const raw = new Uint8Array(count * width);
  let position = 0;
  for (let i = 0; i < count; i++) {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[position++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte < 0x80) break;
    }
    const at = i * width;
    for (let b = 0; b < Math.min(4, width); b++) raw[at + b] = low >>> (8 * b);
    for (let b = 4; b < width; b++) raw[at + b] = high >>> (8 * (b - 4));
  }
  return raw;
}

function viewPayload(view: ArrayBufferView): Payload {
  return bytesPayload(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}
