import { dtypeOf, elementCount, readPayload, tensorOf, type Model, type NodeProto } from '../../onnx/index.ts';
import { intsAttribute } from '../attributes.ts';
import { constantOf, resolve, type Edges } from '../edges.ts';
import { isOperator, type Scope } from '../scope.ts';
import { declaredType } from './declared-type.ts';

type Ranks = (name: string) => number | undefined;
type Rule = (node: NodeProto, rankOf: Ranks, lengthOf: Ranks) => number | undefined;

/** The rank of an output by the ranks of the inputs, and by the lengths of constant lists among them. */
const RULES = new Map<string, Rule>([
  ...[
    'Abs', 'AveragePool', 'BatchNormalization', 'Cast', 'Clip', 'Dropout', 'Exp', 'GlobalAveragePool', 'GlobalMaxPool', 'HardSigmoid', 'HardSwish', 'Identity', 'LeakyRelu', 'Log', 'LogSoftmax',
    'MaxPool', 'Neg', 'Relu', 'Sigmoid', 'Slice', 'Softmax', 'Sqrt', 'Tanh',
  ]
    .map((name) => [name, (node: NodeProto, rankOf: Ranks) => rankOf(node.input[0] ?? '')] as const),
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Where', 'Concat'].map((name) => [name, largest] as const),
  ['MatMul', (node, rankOf) => (node.input.every((name) => (rankOf(name) ?? 0) >= 2) ? largest(node, rankOf) : undefined)],
  ...['Conv', 'ConvTranspose'].map((name) => [name, (node: NodeProto, rankOf: Ranks) => rankOf(node.input[1] ?? '')] as const),
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
export function rankFinder(model: Model, all: readonly Edges[]): (name: string, scope: Scope) => number | undefined {
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
    return RULES.get(node.opType)?.(node, (input) => find(input, edges.scope, depth - 1), (input) => listLength(input, edges.scope, depth - 1));
  }

  /** Elements of a list: a constant one, or what exporters put together for a Reshape. */
  function listLength(name: string, scope: Scope, depth: number): number | undefined {
    const constant = constantOf(name, scope, all);
    if (constant !== undefined) return constant.dims.length === 1 ? Number(constant.dims[0]) : undefined;
    const producer = resolve(name, scope, all)?.producers.get(name);
    if (producer === undefined || depth <= 0 || !isOperator(producer, 'Shape', 'Cast', 'Slice', 'Concat')) return undefined;
    const [first = ''] = producer.input;
    if (producer.opType === 'Shape') return producer.attribute.length === 0 ? find(first, scope, depth - 1) : undefined;
    if (producer.opType === 'Cast') return listLength(first, scope, depth - 1);
    if (producer.opType === 'Concat') return producer.input.reduce<number | undefined>((sum, part) => plus(sum, 1, listLength(part, scope, depth - 1)), 0);
    const [from, to, steps] = [1, 2, 4].map((index) => integerOf(producer.input[index] ?? '', scope));
    const whole = listLength(first, scope, depth - 1);
    if (from === undefined || to === undefined || whole === undefined || from < 0 || to < from || (steps ?? 1) !== 1) return undefined;
    return Math.min(to, whole) - Math.min(from, whole);
  }

  /** The integer that a constant of one element holds. */
  function integerOf(name: string, scope: Scope): number | undefined {
    const constant = name === '' ? undefined : constantOf(name, scope, all);
    const tensor = constant !== undefined && ['int32', 'int64'].includes(dtypeOf(constant.dataType) ?? '') ? tensorOf(model, constant) : undefined;
    if (tensor === undefined || elementCount(tensor.dims) !== 1) return undefined;
    const { buffer } = readPayload(tensor);
    return tensor.dtype === 'int64' ? Number(new BigInt64Array(buffer)[0]) : new Int32Array(buffer)[0];
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
