import { indexEdges, isOperator, resolve, type Edges, type Scope } from '../../graph/index.ts';
import { undecidedWeights, type Context, type Weight } from '../context.ts';
import { floatValues } from './float-values.ts';

/** A graph as static quantization sees it: the main graph, or a body of If, Loop or Scan. */
export interface GraphView {
  readonly context: Context;
  readonly all: readonly Edges[];
  readonly edges: Edges;
  /** Values that can be read here and are computed as float32. */
  readonly floats: ReadonlySet<string>;
  /** Weights that nodes of this graph read, by the names that they read. */
  readonly weights: ReadonlyMap<string, Weight>;
}

/** The main graph, then bodies, outer before inner. Bodies of other operators are left alone: nobody knows how to watch what is in them. */
export function graphViews(context: Context): [GraphView, ...GraphView[]] {
  const all = indexEdges(context.model);
  const floats = floatValues(all);
  const weights = undecidedWeights(context);
  const paths = new Map<string, number>();
  for (const { scope: { path } } of all) paths.set(path, (paths.get(path) ?? 0) + 1);
  const watched = all.filter(({ scope }) => isWatched(scope, paths));
  const [main, ...bodies] = watched.map((edges) => {
    const own = weights.filter(({ uses, edges: owner }) => owner.scope.graph === edges.scope.graph || uses.some(({ scope }) => scope.graph === edges.scope.graph));
    // An inner scope's weight may have the name of an outer one's.
    const visible = own.filter(({ proto }) => resolve(proto.name, edges.scope, all)?.initializers.get(proto.name) === proto);
    return { context, all, edges, floats: floats.get(edges.scope)!, weights: new Map(visible.map((weight) => [weight.proto.name, weight])) };
  });
  return [main!, ...bodies];
}

/** Where nodes share a name, values in their bodies cannot be told apart. */
function isWatched({ owner, parent, path }: Scope, paths: ReadonlyMap<string, number>): boolean {
  return owner === undefined || parent === undefined || (paths.get(path) === 1 && isOperator(owner, 'If', 'Loop', 'Scan') && isWatched(parent, paths));
}

/** The key of a value's statistics: its name, behind the path of the scope that defines it. */
export function valueKey({ edges, all }: Pick<GraphView, 'edges' | 'all'>, name: string): string {
  return (resolve(name, edges.scope, all)?.scope.path ?? '') + name;
}

/** True for a value of a graph around this one. */
export function isOuter({ edges, all }: Pick<GraphView, 'edges' | 'all'>, name: string): boolean {
  const owner = resolve(name, edges.scope, all);
  return owner !== undefined && owner !== edges;
}
