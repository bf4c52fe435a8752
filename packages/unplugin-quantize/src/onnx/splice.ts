import { QuantizeError } from '../errors.ts';
import type { Payload, TensorPayload } from './payload.ts';
import { partsLength, rewriteTensors, type Part } from './rewrite.ts';
import { bytesSource } from './source.ts';
import { encodePrefix, MAX_FIELD, type Cursor, type Field } from './wire.ts';

/**
 * The inverse of `readSkeleton`: every index is replaced by the data it stands for, in the order of field numbers.
 * The exact size is known before a weight is computed.
 */
export function spliceSkeleton(skeleton: Uint8Array, payloads: readonly TensorPayload[], name: string): Payload {
  const source = bytesSource(skeleton, name);

  function fill(fields: Field[], cursor: Cursor): Part[] | undefined {
    const index = fields.find((field) => field.no === MAX_FIELD);
    if (index === undefined) return undefined;
    const payload = payloads[cursor.varint(index.contentStart).value];
    if (payload === undefined) throw new QuantizeError('MODEL_INVALID', 'A tensor refers to data that does not exist.', { model: name });
    const parts: Part[] = [];
    let placed = false;
    const place = (): void => {
      parts.push(encodePrefix(payload.field, payload.byteLength), payload);
      placed = true;
    };
    for (const field of fields) {
      if (!placed && field.no > payload.field) place();
      if (field !== index) parts.push(source.read(field.start, field.end - field.start));
    }
    if (!placed) place();
    return parts;
  }

  const parts = rewriteTensors(source, { smallest: 6, rewrite: fill });
  return { byteLength: partsLength(parts), chunks: () => write(parts, name) };
}

function* write(parts: readonly Part[], name: string): Generator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    let written = 0;
    for (const chunk of part.chunks()) {
      written += chunk.byteLength;
      yield chunk;
    }
    // The length prefix is already out, so a payload of another length would make a broken file.
    if (written !== part.byteLength) {
      throw new QuantizeError('MODEL_INVALID', `A tensor gave ${written} bytes where ${part.byteLength} were announced.`, { model: name });
    }
  }
}
