import { clone } from '@bufbuild/protobuf';
import { isExternal, tensorOf, TensorProtoSchema, type Model, type Payload, type TensorProto } from '../../onnx/index.ts';
import { becomesInitializer, indexEdges, isHandedOut, replaceInitializer, type Edges, type EdgesOf } from '../edges.ts';
import { namesOf, type Names } from '../edit.ts';
import { equalPayloads } from '../equal-payloads.ts';
import { constantBytes, SMALL_BYTES } from '../fold/try-fold.ts';
import { groupBy } from '../group-by.ts';
import { commonScope } from '../scope.ts';

/** A smaller tensor costs less than what its name and shape take. */
const SMALLEST_BYTES = 16;
/** Compared before anything else is read. */
const SAMPLE_BYTES = 64;

/**
 * Lets readers of equal initializers read one of them: the first of their scope, or one in a scope around theirs.
 *
 *     w = w2    MatMul(x, w), MatMul(h, w2)    =>    MatMul(x, w), MatMul(h, w)
 *
 * - Equal are type, dims and all bytes of raw form, whichever field or file holds them; NaN equals NaN of the same bits.
 * - Tensors below 16 bytes, strings, and initializers that are inputs or outputs stay.
 * - Across scopes only tensors above 1 kB are merged, because engines infer shapes from small ones beside the nodes that read them. What
 *   two branches have moves to the scope around both.
 * - Tensors that are computed when they are read, such as folded ones, are equal where they are the same; comparing would compute them twice.
 * - External tensors without a way to open files are equal when location, offset and length are.
 * - A subgraph between that has another value of the same name keeps its own initializer.
 *
 * @returns the number of initializers removed
 */
export function mergeEqualInitializers(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  const gone = new Set<TensorProto>();
  for (const edges of all) {
    for (const [first, ...others] of equalOnes(model, initializersOf(edges))) {
      for (const { proto } of others) if (replaceInitializer(proto, edges, first.proto.name, edges, all)) gone.add(proto);
    }
  }
  let moved = 0;
  if (all.length > 1) {
    const large = all.flatMap(initializersOf).filter(({ proto }) => !gone.has(proto) && constantBytes(model, proto) > SMALL_BYTES);
    const groups = equalOnes(model, large);
    const names = groups.length === 0 ? undefined : namesOf(model);
    for (const group of groups) if (mergeScopes(group, names!, all, gone)) moved++;
  }
  for (const { scope: { graph } } of all) {
    const kept = graph.initializer.filter((proto) => !gone.has(proto));
    if (kept.length < graph.initializer.length) graph.initializer = kept;
  }
  return gone.size - moved;
}

interface Initializer {
  readonly proto: TensorProto;
  readonly edges: Edges;
}

function initializersOf(edges: Edges): Initializer[] {
  const isMergeable = ({ name }: TensorProto): boolean => !edges.inputs.has(name) && !isHandedOut(name, edges);
  return edges.scope.graph.initializer.filter(isMergeable).map((proto) => ({ proto, edges }));
}

/**
 * Merges equal initializers of different scopes into the one around all of them, which is made where there is none.
 *
 * @returns true where it was made
 */
function mergeScopes(group: readonly [Initializer, ...Initializer[]], names: Names, all: readonly Edges[], gone: Set<TensorProto>): boolean {
  const scope = group.map(({ edges }) => edges.scope).reduce(commonScope);
  const home = all.find((edges) => edges.scope === scope)!;
  const kept = group.find(({ edges }) => edges === home);
  const [first] = group;
  let to = kept?.proto.name;
  if (to === undefined) {
    // A name that only the merged ones have is hidden nowhere and hides nothing.
    const { name } = first.proto;
    const isFree = all.every((edges) => !defines(edges, name) || group.some(({ proto, edges: own }) => own === edges && proto.name === name));
    to = isFree ? name : names.fresh(name);
    const moved = clone(TensorProtoSchema, first.proto);
    moved.name = to;
    becomesInitializer(moved, home);
  }
  for (const member of group) if (member !== kept && replaceInitializer(member.proto, member.edges, to, home, all)) gone.add(member.proto);
  return kept === undefined;
}

function defines({ inputs, initializers, sparseInitializers, producers }: Edges, name: string): boolean {
  return inputs.has(name) || initializers.has(name) || sparseInitializers.has(name) || producers.has(name);
}

interface Candidate extends Initializer {
  /** Undefined for external data that cannot be opened, whose place stands for its content. */
  content: Payload | undefined;
}

/** Initializers that are equal, in order: sorted out by type and dims, then by their first bytes, then by all of them. */
function equalOnes(model: Model, initializers: readonly Initializer[]): [Initializer, ...Initializer[]][] {
  const alike = several(initializers, ({ proto }) => `${proto.dataType}:${proto.dims.join()}`);
  const candidates = alike.flatMap((group) => {
    const opened = group.map((one): Candidate => ({ ...one, content: open(model, one.proto) })).filter(({ content }) => content === undefined || content.byteLength >= SMALLEST_BYTES);
    return several(opened, ({ proto, content }) => (content === undefined ? place(proto) : sample(proto, content)));
  });
  return candidates.flatMap((group) => {
    const classes: [Candidate, ...Candidate[]][] = [];
    for (const candidate of group) {
      const same = classes.find(([first]) => isEqual(first, candidate));
      if (same === undefined) classes.push([candidate]);
      else same.push(candidate);
    }
    return classes.filter(({ length }) => length > 1);
  });
}

function several<T>(entries: readonly T[], keyOf: (entry: T) => string): T[][] {
  return [...groupBy(entries, keyOf).values()].filter((group) => group.length > 1);
}

function open(model: Model, proto: TensorProto): Payload | undefined {
  return isExternal(proto) && model.files === undefined ? undefined : tensorOf(model, proto);
}

/** The first bytes, or which payload it is where they would have to be computed. */
function sample(proto: TensorProto, { peek }: Payload): string {
  return peek === undefined ? `payload ${proto.payload}` : String(peek(SAMPLE_BYTES));
}

function place(proto: TensorProto): string {
  return JSON.stringify(proto.externalData.map(({ key, value }) => [key, value]).sort());
}

function isEqual(a: Candidate, b: Candidate): boolean {
  if (a.content === undefined || b.content === undefined) return a.content === b.content;
  const isSame = Object.hasOwn(a.proto, 'payload') && Object.hasOwn(b.proto, 'payload') && a.proto.payload === b.proto.payload;
  return isSame || equalPayloads(a.content, b.content);
}
