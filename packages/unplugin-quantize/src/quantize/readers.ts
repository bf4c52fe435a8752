import type { Edges, Scope, Use } from '../graph/index.ts';
import type { NodeProto } from '../onnx/index.ts';

/** Operators that only move elements, so that their input is a weight when their outputs are read as weights. */
export const MOVERS: ReadonlySet<string> = new Set(['Slice', 'Split', 'Concat', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/** Steps from a weight to its reader; longer chains are no exporter's habit. */
const MAX_STEPS = 8;

/** The nodes that read a value, also those that read what movers and transpositions make of it. */
export function* readersThroughMovers(uses: readonly Use[], edgesAt: (scope: Scope) => Edges, steps = MAX_STEPS): Generator<NodeProto> {
  for (const { node, scope } of uses) {
    yield node;
    const moves = node.opType === 'Transpose' || MOVERS.has(node.opType);
    if (!moves || steps === 0) continue;
    for (const name of node.output) yield* readersThroughMovers(edgesAt(scope).uses(name), edgesAt, steps - 1);
  }
}
