import { QuantizeError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { createMeter, type Meter } from './meter.ts';
import type { Payload } from './payload.ts';
import type { ByteSource } from './source.ts';
import { createCursor, encodePrefix, LENGTH_DELIMITED, type Cursor, type Field } from './wire.ts';

/** A piece of a rewritten message: bytes, or a payload that is written later. */
export type Part = Uint8Array | Payload;

type MessageName = 'Model' | 'Graph' | 'Node' | 'Attribute' | 'Function' | 'Training' | 'Sparse';

/** The fields through which a model reaches its tensors, by number (onnx.proto). */
const CHILDREN: Record<MessageName, Record<number, MessageName | 'Tensor'>> = {
  Model: { 7: 'Graph', 20: 'Training', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 15: 'Sparse' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'Sparse', 23: 'Sparse' },
  Function: { 7: 'Node', 11: 'Attribute' },
  Training: { 1: 'Graph', 2: 'Graph' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
};

/** The standard's nesting is Graph, Node, Attribute for each level of subgraphs; this allows about 30 levels. */
const MAX_DEPTH = 96;

export interface TensorRewriter {
  /** Messages shorter than this hold no tensor that would be rewritten and are copied as they are. */
  smallest: number;
  /** The new content of a TensorProto, or undefined to keep it. */
  rewrite(fields: Field[], cursor: Cursor): Part[] | undefined;
  /** What the file may ask for; what this program wrote itself needs no limits. */
  limits?: Readonly<Limits>;
}

/**
 * Copies a serialized ModelProto and replaces the contents of its TensorProtos, wherever they are: initializers,
 * attributes, subgraphs, functions, sparse tensors. Length prefixes of all enclosing messages are adjusted.
 *
 * @throws QuantizeError MODEL_TRUNCATED, MODEL_NOT_ONNX, MODEL_INVALID (nested too deeply), MODEL_TOO_LARGE
 */
export function rewriteTensors(source: ByteSource, rewriter: TensorRewriter): Part[] {
  const meter = rewriter.limits && createMeter(rewriter.limits, source.name);
  const cursor = createCursor(source, meter?.part);
  const keep = (from: number, to: number): Uint8Array => {
    meter?.keep(to - from);
    return source.read(from, to - from);
  };

  /** Undefined where nothing is replaced: most nodes have no tensors, and stay part of what is copied at once. */
  function message(name: MessageName, start: number, end: number, depth: number): Part[] | undefined {
    if (depth > MAX_DEPTH) {
      throw new QuantizeError('MODEL_INVALID', `Subgraphs are nested deeper than ${MAX_DEPTH / 3} levels.`, { model: source.name });
    }
    const parts: Part[] = [];
    let keptFrom = start;
    for (const field of cursor.fields(start, end)) {
      if (meter !== undefined) countChild(name, field, meter);
      const replaced = child(name, field, depth);
      if (replaced === undefined) continue;
      if (field.start > keptFrom) parts.push(keep(keptFrom, field.start));
      parts.push(encodePrefix(field.no, partsLength(replaced)));
      for (const part of replaced) parts.push(part);
      keptFrom = field.end;
    }
    if (parts.length === 0) return undefined;
    if (end > keptFrom) parts.push(keep(keptFrom, end));
    return parts;
  }

  function child(parent: MessageName, field: Field, depth: number): Part[] | undefined {
    const name = field.wireType === LENGTH_DELIMITED ? CHILDREN[parent][field.no] : undefined;
    if (name === undefined || field.end - field.contentStart < rewriter.smallest) return undefined;
    if (name !== 'Tensor') return message(name, field.contentStart, field.end, depth + 1);
    return rewriter.rewrite([...cursor.fields(field.contentStart, field.end)], cursor);
  }

  return message('Model', 0, source.byteLength, 0) ?? [keep(0, source.byteLength)];
}

/** Short ones too, which are not looked into. */
function countChild(parent: MessageName, { no, wireType }: Field, meter: Meter): void {
  const name = wireType === LENGTH_DELIMITED ? CHILDREN[parent][no] : undefined;
  if (name === 'Node') meter.node();
  else if (name === 'Tensor') meter.tensor();
  else if (name === 'Function') meter.function();
}

export function partsLength(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}
