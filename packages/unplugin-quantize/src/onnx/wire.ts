import { QuantizeError } from '../errors.ts';
import type { ByteSource } from './source.ts';

/** Protobuf wire types (https://protobuf.dev/programming-guides/encoding). */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

/** One field of a message: where its tag starts, where its content starts and ends. */
export interface Field {
  no: number;
  wireType: number;
  start: number;
  contentStart: number;
  end: number;
}

const WINDOW = 1 << 16;

/** Reads the tags of a message without its payloads: a window of the source is kept, contents are skipped by offset. */
export interface Cursor {
  /** The fields of the message that spans [start, end), one after the other. */
  fields(start: number, end: number): Generator<Field>;
  /** A varint; exact up to 53 bits. */
  varint(position: number): { value: number; end: number };
}

/** @param count told of every field */
export function createCursor(source: ByteSource, count?: () => void): Cursor {
  let window: Uint8Array = new Uint8Array(0);
  let windowStart = 0;

  function byteAt(position: number): number {
    const index = position - windowStart;
    if (index >= 0 && index < window.byteLength) return window[index]!;
    windowStart = position;
    window = source.read(position, Math.min(WINDOW, source.byteLength - position));
    return window[0]!;
  }

  function varint(position: number, limit = source.byteLength): { value: number; end: number } {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (position + i >= limit) throw truncated(source, position + i);
      const byte = byteAt(position + i);
      // Above 53 bits the value is not exact, but too large for any tag, length or index either way.
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { value, end: position + i + 1 };
    }
    throw malformed(source, position, 'a number longer than 10 bytes');
  }

  function contentEnd(wireType: number, position: number, limit: number): { contentStart: number; end: number } {
    switch (wireType) {
      case VARINT:
        return { contentStart: position, end: varint(position, limit).end };
      case FIXED64:
        return { contentStart: position, end: position + 8 };
      case FIXED32:
        return { contentStart: position, end: position + 4 };
      case LENGTH_DELIMITED: {
        const length = varint(position, limit);
        return { contentStart: length.end, end: length.end + length.value };
      }
      default:
        throw malformed(source, position, `wire type ${wireType}, which ONNX does not use`);
    }
  }

  function* fields(start: number, limit: number): Generator<Field> {
    let position = start;
    while (position < limit) {
      const tag = varint(position, limit);
      const no = Math.floor(tag.value / 8);
      if (no === 0 || no > MAX_FIELD) throw malformed(source, position, `field number ${no}`);
      const wireType = tag.value % 8;
      const { contentStart, end } = contentEnd(wireType, tag.end, limit);
      if (end > limit) throw truncated(source, position);
      count?.();
      yield { no, wireType, start: position, contentStart, end };
      position = end;
    }
  }

  return { fields, varint };
}

/** The largest field number that protobuf allows. */
export const MAX_FIELD = 536_870_911;

export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Tag and length prefix of a length-delimited field. */
export function encodePrefix(no: number, length: number): Uint8Array {
  const tag = encodeVarint(no * 8 + LENGTH_DELIMITED);
  const size = encodeVarint(length);
  const prefix = new Uint8Array(tag.length + size.length);
  prefix.set(tag);
  prefix.set(size, tag.length);
  return prefix;
}

function truncated(source: ByteSource, position: number): QuantizeError {
  return new QuantizeError('MODEL_TRUNCATED', `The model ends inside a field that starts at byte ${position} of ${source.byteLength}.`, {
    model: source.name,
    hint: 'Download or export the model again; a checkout without Git LFS leaves a short text file in its place.',
  });
}

function malformed(source: ByteSource, position: number, found: string): QuantizeError {
  return new QuantizeError('MODEL_NOT_ONNX', `This is not an ONNX model: ${found} at byte ${position}.`, {
    model: source.name,
    hint: 'Pass an .onnx file; other formats have to be exported to ONNX first.',
  });
}
