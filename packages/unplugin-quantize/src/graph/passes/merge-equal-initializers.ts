import { isExternal, tensorOf, type Model, type Payload, type TensorProto } from '../../onnx/index.ts';
import { indexEdges, isHandedOut, redirectReads, type Edges } from '../edges.ts';
import { equalPayloads } from '../equal-payloads.ts';

/** A smaller tensor costs less than what its name and shape take. */
const SMALLEST_BYTES = 16;
/** Compared before anything else is read. */
const SAMPLE_BYTES = 64;

/**
 * Lets readers of equal initializers of one scope read the first of them, in file order.
 *
 *     w = w2    MatMul(x, w), MatMul(h, w2)    =>    MatMul(x, w), MatMul(h, w)
 *
 * - Equal are type, dims and all bytes of raw form, whichever field or file holds them; NaN equals NaN of the same bits.
 * - Tensors below 16 bytes, strings, and initializers that are inputs or outputs stay.
 * - Tensors that are computed when they are read, such as folded ones, stay: comparing would compute them twice.
 * - External tensors without a way to open files are equal when location, offset and length are.
 * - A subgraph between that has another value of the same name keeps its own initializer.
 * - Initializers of different scopes are not compared yet.
 *
 * @returns the number of initializers removed
 */
export function mergeEqualInitializers(model: Model): number {
  const all = indexEdges(model);
  let merged = 0;
  for (const edges of all) {
    const { graph } = edges.scope;
    const gone = new Set<TensorProto>();
    for (const group of candidates(model, edges)) {
      const firsts: Candidate[] = [];
      for (const candidate of group) {
        const first = firsts.find((other) => isEqual(other, candidate));
        if (first === undefined) firsts.push(candidate);
        else if (redirectReads(candidate.proto.name, edges, first.proto.name, edges, all)) gone.add(candidate.proto);
      }
    }
    merged += gone.size;
    if (gone.size > 0) graph.initializer = graph.initializer.filter((proto) => !gone.has(proto));
  }
  return merged;
}

interface Candidate {
  proto: TensorProto;
  /** Undefined for external data that cannot be opened, whose place stands for its content. */
  content: Payload | undefined;
}

/** Initializers that may be equal: same type, dims, size and first bytes. */
function candidates(model: Model, edges: Edges): Candidate[][] {
  const mergeable = edges.scope.graph.initializer.filter((proto) => isMergeable(proto, edges));
  return groups(mergeable, (proto) => `${proto.dataType}:${proto.dims.join()}`).flatMap((alike) => {
    const opened = alike.map((proto) => ({ proto, content: open(model, proto) })).filter(({ content }) => content === undefined || isComparable(content));
    return groups(opened, ({ proto, content }) => (content === undefined ? place(proto) : String(content.peek!(SAMPLE_BYTES))));
  });
}

/** Entries with the same key, in order, where there are at least two. */
function groups<T>(entries: readonly T[], keyOf: (entry: T) => string): T[][] {
  const byKey = new Map<string, T[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [entry]);
    else group.push(entry);
  }
  return [...byKey.values()].filter((group) => group.length > 1);
}

function open(model: Model, proto: TensorProto): Payload | undefined {
  return isExternal(proto) && model.files === undefined ? undefined : tensorOf(model, proto);
}

function isComparable(content: Payload): boolean {
  return content.peek !== undefined && content.byteLength >= SMALLEST_BYTES;
}

function isMergeable({ name }: TensorProto, edges: Edges): boolean {
  return !edges.inputs.has(name) && !isHandedOut(name, edges);
}

function place(proto: TensorProto): string {
  return JSON.stringify(proto.externalData.map(({ key, value }) => [key, value]).sort());
}

function isEqual(a: Candidate, b: Candidate): boolean {
  if (a.content === undefined || b.content === undefined) return a.content === b.content;
  return equalPayloads(a.content, b.content);
}
