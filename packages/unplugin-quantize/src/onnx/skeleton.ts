import { processLimits, type Limits } from '../limits.ts';
import { countParts } from './meter.ts';
import { rangePayload, type TensorPayload } from './payload.ts';
import { partsLength, rewriteTensors, type Part } from './rewrite.ts';
import type { ByteSource } from './source.ts';
import { encodeVarint, LENGTH_DELIMITED, MAX_FIELD, VARINT, type Field } from './wire.ts';

/** TensorProto fields that hold elements: float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data. */
const DATA_FIELDS = new Set([4, 5, 6, 7, 9, 10, 11]);
const STRING_DATA = 6;

/** Tensors below this many bytes stay in the skeleton: a place in the file costs more than they do. */
const INLINE_BYTES = 1024;

export interface Skeleton {
  /** A serialized ModelProto whose large tensors carry an index into `payloads` in place of their data. */
  bytes: Uint8Array;
  payloads: TensorPayload[];
}

/**
 * Finds the data of every large tensor by its place in the source, without reading it.
 *
 * @throws QuantizeError MODEL_TRUNCATED, MODEL_NOT_ONNX, MODEL_INVALID, MODEL_TOO_LARGE
 */
export function readSkeleton(source: ByteSource, limits: Readonly<Limits> = processLimits()): Skeleton {
  const payloads: TensorPayload[] = [];

  function lift(fields: Field[]): Part[] | undefined {
    // A file that uses the project's own field number would forge an index: such fields are dropped.
    const forged = fields.some((field) => field.no === MAX_FIELD);
    const data = fields.filter((field) => DATA_FIELDS.has(field.no));
    const only = data.length === 1 ? data[0]! : undefined;
    const liftable = only !== undefined && only.wireType === LENGTH_DELIMITED && only.no !== STRING_DATA
      && only.end - only.contentStart >= INLINE_BYTES ? only : undefined;
    if (liftable === undefined && !forged) return undefined;

    const parts = fields.filter((field) => field !== liftable && field.no !== MAX_FIELD)
      .map((field) => source.read(field.start, field.end - field.start));
    if (liftable === undefined) return parts;
    const { no, contentStart, end } = liftable;
    parts.push(encodeVarint(MAX_FIELD * 8 + VARINT), encodeVarint(payloads.length));
    payloads.push({ field: no, ...rangePayload(source, contentStart, end - contentStart) });
    return parts;
  }

  // Forged indices have to be found in small tensors too: the smallest one is a tag and a number.
  const parts = rewriteTensors(source, { smallest: 6, rewrite: lift, limits });
  const bytes = concat(parts);
  countParts(bytes, limits, source.name);
  return { bytes, payloads };
}

function concat(parts: readonly Part[]): Uint8Array {
  const bytes = new Uint8Array(partsLength(parts));
  let offset = 0;
  for (const part of parts) {
    if (!(part instanceof Uint8Array)) continue;
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
