import type { Model, NodeProto } from '../../onnx/index.ts';
import { becomesInitializer, indexEdges, isHandedOut, redirectReads, type Edges, type EdgesOf } from '../edges.ts';
import { namesOf, type Names } from '../edit.ts';
import { findConstantNodes, type ConstantNode, type ConstantValue } from '../fold/constant-values.ts';
import { constantBytes } from '../fold/try-fold.ts';
import { groupBy } from '../group-by.ts';

/**
 * Folds what is made of large initializers that several nodes read, where the file does not grow: torch's LSTM export slices each
 * weight three times and joins the parts in another order, in every branch of an If again.
 *
 *     initializer w    Slice(w) -> a, Slice(w) -> b, Concat(b, a) -> v, LSTM(x, v) -> y    =>    initializer v    LSTM(x, v) -> y
 *
 * - The operators are those of `foldConstants`. Equal values become one initializer, in the scope of the initializers that they are made of.
 * - All nodes that share large initializers are folded, or none: when what the others read, with the initializers that stay in use,
 *   takes no more bytes than the initializers did.
 *
 * @returns the number of nodes folded
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a shape or a small tensor cannot be read
 */
export function foldSharedConstants(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  const nodes = findConstantNodes(model, all);
  const foldable = new Set(nodes.map(({ node }) => node));
  const gone = new Set<NodeProto>();
  let names: Names | undefined;
  for (const group of groupsOf(nodes)) {
    const sites = group.flatMap(sitesOf).filter(({ edges, name }) => edges.uses(name).some((use) => !foldable.has(use.node)));
    if (!pays(model, group, sites, foldable)) continue;
    replace(sites, (names ??= namesOf(model)), all);
    for (const { node } of group) gone.add(node);
  }
  for (const { scope: { graph } } of all) {
    const kept = graph.node.filter((node) => !gone.has(node));
    if (kept.length < graph.node.length) graph.node = kept;
  }
  return gone.size;
}

/** An output of a node. */
interface Site {
  readonly edges: Edges;
  readonly name: string;
  readonly value: ConstantValue;
}

function sitesOf({ node, edges, values }: ConstantNode): Site[] {
  return values.map((value, i) => ({ edges, name: node.output[i]!, value }));
}

/** Nodes that have origins in common, directly or through others, in order. */
function groupsOf(nodes: readonly ConstantNode[]): ConstantNode[][] {
  const parents = new Map<ConstantValue, ConstantValue>();
  const root = (value: ConstantValue): ConstantValue => {
    let top = value;
    for (let next = parents.get(top); next !== undefined; next = parents.get(top)) top = next;
    return top;
  };
  const firstOrigin = ({ values: [value] }: ConstantNode): ConstantValue => root(value!.origins.values().next().value!);
  for (const node of nodes) {
    for (const origin of node.values[0]!.origins) {
      const [a, b] = [root(origin), firstOrigin(node)];
      if (a !== b) parents.set(a, b);
    }
  }
  return [...groupBy(nodes, firstOrigin).values()];
}

/** True when the values that are read and the origins that stay take no more bytes than the origins. */
function pays(model: Model, group: readonly ConstantNode[], sites: readonly Site[], foldable: ReadonlySet<NodeProto>): boolean {
  const origins = new Set(group.flatMap(({ values }) => values.flatMap((value) => [...value.origins])));
  const staying = [...origins].filter(({ home, name }) => isHandedOut(name, home) || home.uses(name).some(({ node }) => !foldable.has(node)));
  const bytes = (values: Iterable<ConstantValue>): number => [...values].reduce((sum, { tensor }) => sum + constantBytes(model, tensor), 0);
  return bytes(staying) + bytes(new Set(sites.map(({ value }) => value))) <= bytes(origins);
}

function replace(sites: readonly Site[], names: Names, all: readonly Edges[]): void {
  for (const [value, same] of groupBy(sites, (site) => site.value)) {
    const [site] = same;
    const staysHome = same.length === 1 && site.edges === value.home;
    // A fresh name is hidden in no scope, so reads can always be led to it.
    value.tensor.name = staysHome ? site.name : names.fresh(site.name);
    becomesInitializer(value.tensor, value.home);
    if (staysHome) continue;
    for (const { edges, name } of same) redirectReads(name, edges, value.tensor.name, value.home, all);
  }
}
