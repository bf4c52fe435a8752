import type { NodeProto } from '../../onnx/index.ts';
import { intsAttribute } from '../attributes.ts';
import { constantOf, resolve, type Edges } from '../edges.ts';
import { isOperator, type Scope } from '../scope.ts';
import { declaredType } from './declared-type.ts';

type Ranks = (name: string) => number | undefined;
type Rule = (node: NodeProto, rankOf: Ranks, lengthOf: Ranks) => number | undefined;

/** The rank of an output by the ranks of the inputs, and by the lengths of constant lists among them. */
const RULES = new Map<string, Rule>([
  ...['Abs', 'BatchNormalization', 'Cast', 'Clip', 'Dropout', 'Exp', 'Identity', 'Log', 'LogSoftmax', 'Neg', 'Relu', 'Sigmoid', 'Slice', 'Softmax', 'Sqrt', 'Tanh']
    .map((name) => [name, (node: NodeProto, rankOf: Ranks) => rankOf(node.input[0] ?? '')] as const),
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Where', 'Concat'].map((name) => [name, largest] as const),
  ['MatMul', (node, rankOf) => (node.input.every((name) => (rankOf(name) ?? 0) >= 2) ? largest(node, rankOf) : undefined)],
  ['Gemm', () => 2],
  ['Flatten', () => 2],
  ['Transpose', (node, rankOf) => intsAttribute(node, 'perm')?.length ?? rankOf(node.input[0] ?? '')],
  ['Reshape', (node, _, lengthOf) => lengthOf(node.input[1] ?? '')],
  ['Squeeze', (node, rankOf, lengthOf) => plus(rankOf(node.input[0] ?? ''), -1, axesCount(node, lengthOf))],
  ['Unsqueeze', (node, rankOf, lengthOf) => plus(rankOf(node.input[0] ?? ''), 1, axesCount(node, lengthOf))],
]);

/** Values are followed this far back; what is not known then is not known. */
const MAX_DEPTH = 24;

/** Finds numbers of dims: declared ones, those of initializers, and what follows from them. Each is looked for once. */
export function rankFinder(all: readonly Edges[]): (name: string, scope: Scope) => number | undefined {
  const known = new Map<Edges, Map<string, number | undefined>>(all.map((edges) => [edges, new Map()]));

  function find(name: string, scope: Scope, depth: number): number | undefined {
    const edges = resolve(name, scope, all);
    const ranks = edges && known.get(edges);
    if (edges === undefined || ranks === undefined) return undefined;
    if (ranks.has(name)) return ranks.get(name);
    ranks.set(name, undefined);
    const rank = constantOf(name, scope, all)?.dims.length ?? declaredRank(name, edges) ?? computedRank(name, edges, depth);
    ranks.set(name, rank);
    return rank;
  }

  function computedRank(name: string, edges: Edges, depth: number): number | undefined {
    const node = edges.producers.get(name);
    if (node === undefined || depth === 0 || node.output[0] !== name || !isOperator(node, node.opType)) return undefined;
    return RULES.get(node.opType)?.(node, (input) => find(input, edges.scope, depth - 1), (input) => listLength(input, edges.scope));
  }

  function listLength(name: string, scope: Scope): number | undefined {
    const dims = constantOf(name, scope, all)?.dims;
    return dims?.length === 1 ? Number(dims[0]) : undefined;
  }

  return (name, scope) => find(name, scope, MAX_DEPTH);
}

function declaredRank(name: string, edges: Edges): number | undefined {
  const type = declaredType(name, edges)?.value;
  return type?.case === 'tensorType' ? type.value.shape?.dim.length : undefined;
}

function largest(node: NodeProto, rankOf: Ranks): number | undefined {
  const ranks = node.input.map(rankOf);
  return ranks.includes(undefined) ? undefined : Math.max(...(ranks as number[]));
}

/** How many axes a node names, as an attribute or, from opset 13 on, as an input. */
function axesCount(node: NodeProto, lengthOf: Ranks): number | undefined {
  return intsAttribute(node, 'axes')?.length ?? lengthOf(node.input[1] ?? '');
}

function plus(rank: number | undefined, sign: 1 | -1, count: number | undefined): number | undefined {
  return rank === undefined || count === undefined ? undefined : rank + sign * count;
}
