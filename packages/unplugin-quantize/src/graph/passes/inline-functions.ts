import { opsetVersion, requireOpset, sameDomain, type FunctionProto, type Model, type NodeProto } from '../../onnx/index.ts';
import { namesOf, type Names } from '../edit.ts';
import { instantiate } from '../functions/instantiate.ts';
import { inlineRefusals } from '../functions/refusals.ts';
import { calledFunctions, calledKey, functionTable, nodesBelow, type FunctionTable } from '../functions/table.ts';
import { scopesOf, subgraphsOf } from '../scope.ts';
import { assertNode } from './assert-sound.ts';

/**
 * Puts the nodes of local functions in the place of their calls, in every scope, so that the weights in them are found.
 *
 *     function local:Dense(x) { Constant -> w, MatMul(x, w) -> y }    Dense(h) -> z    =>    Constant -> z/w, MatMul(h, z/w) -> z
 *
 * - Functions inside functions too. Attribute references become the attributes of the call, or the function's defaults.
 * - A function stays, and all that it calls, where its operators would mean something else in the model (`inlineRefusals` says why).
 * - Functions that are no longer called are removed, and with them imports of domains that only they had.
 *
 * @returns the number of calls inlined and functions removed
 * @throws QuantizeError MODEL_INVALID for a function that calls itself or whose body does not hold together
 */
export function inlineFunctions(model: Model): number {
  if (model.proto.functions.length === 0) return 0;
  const table = functionTable(model);
  const refused = inlineRefusals(model);
  const inlined: Inlining = { table: new Map([...table].filter(([key]) => !refused.has(key))), names: namesOf(model), used: new Set(), calls: 0 };
  for (const { graph } of scopesOf(model)) graph.node = expand(graph.node, inlined);
  // A call may leave out inputs, and with them those of nodes in the body.
  if (inlined.calls > 0) for (const { graph } of scopesOf(model)) for (const node of graph.node) assertNode(model, node);
  bringImports(model, [...inlined.used].map((key) => table.get(key)!));
  return inlined.calls + dropUncalled(model, table);
}

interface Inlining {
  readonly table: FunctionTable;
  readonly names: Names;
  readonly used: Set<string>;
  calls: number;
}

/** Scopes are visited from outside to inside, so subgraphs of the nodes given are left to their own turn; those that come out of functions are not. */
function expand(nodes: readonly NodeProto[], inlining: Inlining, isFromFunction = false): NodeProto[] {
  return nodes.flatMap((node) => {
    const key = calledKey(node);
    const fn = inlining.table.get(key);
    if (fn !== undefined) {
      inlining.used.add(key);
      inlining.calls++;
      return expand(instantiate(fn, node, inlining.names), inlining, true);
    }
    if (isFromFunction) for (const { graph } of subgraphsOf(node)) graph.node = expand(graph.node, inlining, true);
    return [node];
  });
}

/** Domains whose operators came with a body, in the version that its function asked for. */
function bringImports(model: Model, used: readonly FunctionProto[]): void {
  const domains = new Set(used.flatMap(({ node }) => [...nodesBelow(node)].map(({ domain }) => domain)));
  for (const { domain, version } of used.flatMap(({ opsetImport }) => opsetImport)) {
    if (domains.has(domain) && opsetVersion(model.proto, domain) === undefined) requireOpset(model.proto, domain, Number(version));
  }
}

function dropUncalled(model: Model, table: FunctionTable): number {
  const pending = scopesOf(model).flatMap(({ graph }) => calledFunctions(graph.node, table));
  const needed = new Set<string>();
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    if (needed.has(key)) continue;
    needed.add(key);
    pending.push(...calledFunctions(table.get(key)!.node, table));
  }
  const kept = new Set([...needed].map((key) => table.get(key)));
  const gone = model.proto.functions.filter((fn) => !kept.has(fn));
  if (gone.length === 0) return 0;
  model.proto.functions = model.proto.functions.filter((fn) => kept.has(fn));
  const bodies = model.proto.functions.flatMap(({ node }) => [...nodesBelow(node)]);
  const left = [...scopesOf(model).flatMap(({ graph }) => graph.node), ...bodies];
  model.proto.opsetImport = model.proto.opsetImport.filter(({ domain }) => {
    const wasTheirs = !sameDomain(domain, '') && gone.some((fn) => sameDomain(fn.domain, domain));
    return !wasTheirs || left.some((node) => sameDomain(node.domain, domain));
  });
  return gone.length;
}
