import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { assertWithin, type Limits } from '../limits.ts';
import { ModelProtoSchema } from './gen/onnx_pb.ts';
import { bytesSource } from './source.ts';
import { createCursor, LENGTH_DELIMITED } from './wire.ts';

/** Counts what a file asks for; each call throws where it becomes too much. */
export interface Meter {
  part(): void;
  node(): void;
  tensor(): void;
  function(): void;
  /** Bytes that are to be kept in memory. */
  keep(bytes: number): void;
}

/** @throws QuantizeError MODEL_TOO_LARGE by its methods */
export function createMeter(limits: Readonly<Limits>, model: string): Meter {
  const found: Record<keyof typeof NAMES, number> = { parts: 0, nodes: 0, tensors: 0, functions: 0, structureBytes: 0 };
  const count = (limit: keyof typeof NAMES, more: number): void => {
    found[limit] += more;
    // Asked for every field of a file.
    if (found[limit] > limits[limit]) assertWithin(limit, found[limit], `The model has too many ${NAMES[limit]}`, { limits, model });
  };
  return {
    part: () => count('parts', 1),
    node: () => count('nodes', 1),
    tensor: () => count('tensors', 1),
    function: () => count('functions', 1),
    keep: (bytes) => count('structureBytes', bytes),
  };
}

const NAMES = { parts: 'parts', nodes: 'nodes', tensors: 'tensors', functions: 'local functions', structureBytes: 'bytes besides its weights' } satisfies Partial<Record<keyof Limits, string>>;

/**
 * Counts everything that parsing would make an object or a list's entry of, unknown fields and packed numbers too. No part takes less
 * than a byte, so that small structures need no counting.
 *
 * @throws QuantizeError MODEL_TOO_LARGE
 */
export function countParts(bytes: Uint8Array, limits: Readonly<Limits>, model: string): void {
  if (bytes.byteLength <= limits.parts) return;
  let parts = 0;
  const count = (more: number): void => {
    parts += more;
    if (parts > limits.parts) assertWithin('parts', parts, 'The model has too many parts', { limits, model });
  };
  const cursor = createCursor(bytesSource(bytes, model), () => count(1));
  const walk = (message: DescMessage, start: number, end: number, depth: number): void => {
    const known = fieldsByNumber(message);
    for (const { no, wireType, contentStart, end: last } of cursor.fields(start, end)) {
      const field = wireType === LENGTH_DELIMITED ? known.get(no) : undefined;
      if (field === undefined) continue;
      // What is nested deeper is refused by the parser.
      if (field.message !== undefined && depth < DEEPEST) walk(field.message, contentStart, last, depth + 1);
      else if (isPacked(field)) count(last - contentStart);
    }
  };
  walk(ModelProtoSchema, 0, bytes.byteLength, 0);
}

/** The parser's own limit. */
const DEEPEST = 100;

const byNumber = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldsByNumber(message: DescMessage): Map<number, DescField> {
  const known = byNumber.get(message) ?? new Map(message.fields.map((field) => [field.number, field]));
  byNumber.set(message, known);
  return known;
}

/** Numbers in a row; text and bytes are one part. */
function isPacked(field: DescField): boolean {
  return field.fieldKind === 'list' && field.listKind !== 'message' && !(field.listKind === 'scalar' && (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES));
}
