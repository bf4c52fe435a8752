import type { Edges, Scope, Use } from '../graph/index.ts';
import type { NodeProto } from '../onnx/index.ts';

/** Operators that only move elements, so that their input is a weight when their outputs are read as weights. */
export const MOVERS: ReadonlySet<string> = new Set(['Slice', 'Split', 'Concat', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/** The nodes that read a value, also those that read what movers and transpositions make of it; each once. */
export function readersThroughMovers(uses: readonly Use[], edgesAt: (scope: Scope) => Edges): Set<NodeProto> {
  const readers = new Set<NodeProto>();
  const pending = [...uses];
  for (let use = pending.pop(); use !== undefined; use = pending.pop()) {
    const { node, scope } = use;
    if (readers.has(node)) continue;
    readers.add(node);
    if (node.opType !== 'Transpose' && !MOVERS.has(node.opType)) continue;
    for (const name of node.output) pending.push(...edgesAt(scope).uses(name));
  }
  return readers;
}
