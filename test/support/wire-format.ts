import { bytesSource, dtypeCode, readModel, type DType, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';

/** Protobuf written byte by byte, for files that no ordinary writer makes. Independent of the code under test. */

/** A base-128 number; negative ones take ten bytes, as protobuf wants. */
export function varint(value: bigint | number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const isLast = rest < 128n;
    bytes.push(Number(rest & 127n) + (isLast ? 0 : 128));
    if (isLast) return Uint8Array.from(bytes);
  }
}

export function fixed32(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

export function fixed64(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

/** Content with its length in front. */
export function message(...contents: Uint8Array[]): Uint8Array {
  const content = concatBytes(contents);
  return concatBytes([varint(content.length), content]);
}

/** A field: tag and what follows it. */
export function field(no: number, wireType: number, content: Uint8Array): Uint8Array {
  return concatBytes([varint(BigInt(no) * 8n + BigInt(wireType)), content]);
}

/** A length-delimited field of all values in a row. */
export function packed(no: number, values: readonly Uint8Array[]): Uint8Array {
  return field(no, 2, message(...values));
}

export function text(no: number, value: string): Uint8Array {
  return field(no, 2, message(new TextEncoder().encode(value)));
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A ModelProto of IR version 8 and opset 17 around the content of its GraphProto. */
export function modelBytes(...graph: Uint8Array[]): Uint8Array {
  return concatBytes([field(1, 0, varint(8)), field(7, 2, message(...graph)), field(8, 2, message(field(2, 0, varint(17))))]);
}

/** A model with one initializer, given by the fields that hold its elements. */
export function tensorModel(dtype: DType, dims: readonly number[], elements: Uint8Array): Model {
  const header = [...dims.map((dim) => field(1, 0, varint(dim))), field(2, 0, varint(dtypeCode(dtype)))];
  return readModel(bytesSource(modelBytes(field(5, 2, message(...header, elements, text(8, 'w')))), 'hand-made'));
}
