import { constantOf, indexEdges, intAttribute, isHandedOut, isOperator, type Edges } from '../../graph/index.ts';
import { dtypeOf, elementCount, tensorOf, type NodeProto, type Tensor } from '../../onnx/index.ts';
import { isExcluded, undecidedWeights, type Context, type Weight } from '../context.ts';
import { boundAfter, scalar, type Bound } from './bounds.ts';
import { floatValues } from './float-values.ts';
import { isDepthwise, staticOperator, type Role, type StaticOperator } from './operators.ts';

/** A node that may be computed in integers. */
export interface Candidate {
  readonly node: NodeProto;
  readonly role: Role;
  /** True for a product with a weight: worth integers by itself. */
  readonly isSeed: boolean;
  /** Computed values that it reads as activations. */
  readonly activations: readonly string[];
  /** Constants that it reads as activations. */
  readonly constants: readonly string[];
  readonly weight: ProductWeight | undefined;
  /** Values that it gives, behind the bounds that go into it. */
  readonly outputs: readonly string[];
  readonly bounds: readonly Bound[];
  /** A multiplication with this positive constant: the scale does it. */
  readonly factor: number | undefined;
}

export interface ProductWeight {
  readonly weight: Weight;
  /** The axis of output channels. */
  readonly axis: number;
  readonly bias: Tensor | undefined;
}

/** The main graph as static quantization sees it. */
export interface MainGraph {
  readonly context: Context;
  readonly all: readonly Edges[];
  readonly edges: Edges;
  readonly floats: ReadonlySet<string>;
  readonly weights: ReadonlyMap<string, Weight>;
}

export function mainGraph(context: Context): MainGraph {
  const all = indexEdges(context.model);
  const [edges] = all as [Edges, ...Edges[]];
  const graph = edges.scope.graph;
  const weights = undecidedWeights(context).filter((weight) => weight.edges.scope.graph === graph);
  return { context, all, edges, floats: floatValues(context.model), weights: new Map(weights.map((weight) => [weight.proto.name, weight])) };
}

/** The nodes of the main graph that have an integer form and may be changed, in order. */
export function findCandidates(main: MainGraph): Candidate[] {
  const { edges, context } = main;
  const found = edges.scope.graph.node.flatMap((node) => candidateOf(main, node) ?? []);
  // A weight is quantized for all of its readers or for none.
  const seeds = new Map(found.flatMap(({ node, weight }) => (weight === undefined ? [] : [[node, weight.axis]])));
  const isWhole = ({ weight, axis }: ProductWeight): boolean => weight.uses.every(({ node, index }) => index === 1 && seeds.get(node) === axis);
  const kept = found.filter(({ weight }) => weight === undefined || isWhole(weight));
  const matrixProducts = new Set(kept.flatMap(({ node, isSeed }) => (isSeed && node.opType === 'MatMul' ? [node.output[0]!] : [])));
  // The bias behind a MatMul is added in float32, as onnxruntime's kernel gives it: rounding twice would cost accuracy and time.
  const isBias = ({ node, activations, constants }: Candidate): boolean => isOperator(node, 'Add') && constants.length === 1 && matrixProducts.has(activations[0]!)
    && edges.uses(activations[0]!).length === 1;
  return kept.filter((candidate) => !isBias(candidate) && !context.leavesNode(candidate.node));
}

/** A multiplication with a constant moves elements to another scale. */
const SCALER: StaticOperator = { role: 'mover', activations: 2 };

function candidateOf(main: MainGraph, node: NodeProto): Candidate | undefined {
  const factor = factorOf(main, node);
  const row = factor === undefined ? staticOperator(node) : SCALER;
  if (row === undefined || main.context.leavesNode(node) || isQuantizedByModel(main, node)) return undefined;
  if (!main.context.options.integerDepthwise && isDepthwise(node)) return undefined;
  const product = row.role === 'product' ? productWeight(main, node) : undefined;
  if (product === 'refused') return undefined;
  const read = product === undefined ? node.input.slice(0, row.activations) : node.input.slice(0, 1);
  const isFloatConstant = (name: string): boolean => dtypeOf(constantOf(name, main.edges.scope, main.all)?.dataType ?? 0) === 'float32';
  const activations = read.filter((name) => main.floats.has(name));
  const constants = read.filter((name) => !main.floats.has(name));
  const isWhole = activations.length > 0 && constants.every(isFloatConstant) && node.output.every((name) => name === '' || main.floats.has(name));
  // onnxruntime's selectors count one DequantizeLinear for each input.
  if (!isWhole || new Set(read).size < read.length) return undefined;
  if (row.role !== 'arithmetic' && constants.length > 0 && factor === undefined) return undefined;
  const bounds = row.role === 'mover' ? [] : boundsOf(main, node.output[0]!);
  const outputs = bounds.length > 0 ? [bounds.at(-1)!.node.output[0]!] : node.output.filter((name) => name !== '');
  return { node, role: row.role, isSeed: product !== undefined, activations, constants: factor === undefined ? constants : [], weight: product, outputs, bounds, factor };
}

/** What has QuantizeLinear and DequantizeLinear of its own keeps them. */
function isQuantizedByModel({ edges }: MainGraph, node: NodeProto): boolean {
  const makers = node.input.map((name) => edges.producers.get(name));
  const readers = node.output.flatMap((name) => edges.uses(name).map((use) => use.node));
  return makers.some((maker) => maker !== undefined && isOperator(maker, 'DequantizeLinear')) || readers.some((reader) => isOperator(reader, 'QuantizeLinear'));
}

function boundsOf({ context, edges, all }: MainGraph, output: string): Bound[] {
  const bounds: Bound[] = [];
  for (let value = output; ;) {
    const bound = boundAfter(value, edges, all, context.model);
    if (bound === undefined || context.leavesNode(bound.node)) return bounds;
    bounds.push(bound);
    value = bound.node.output[0]!;
  }
}

/** Multiplication or division by a positive constant changes nothing but the scale. */
function factorOf({ edges, all, context }: MainGraph, node: NodeProto): number | undefined {
  if (!isOperator(node, 'Mul', 'Div') || isHandedOut(node.output[0]!, edges)) return undefined;
  const values = node.input.map((name) => scalar(name, edges, all, context.model));
  const value = isOperator(node, 'Div') ? values[1] : (values[1] ?? values[0]);
  if (value === undefined || !(value > 1e-6 && value < 1e6)) return undefined;
  return isOperator(node, 'Div') ? 1 / value : value;
}

/** The weight of a product; 'refused' where its second input is constant and has no integer form, undefined where it is computed. */
function productWeight(main: MainGraph, node: NodeProto): ProductWeight | 'refused' | undefined {
  const { edges, all, context, weights, floats } = main;
  const [, name = '', biasName = ''] = node.input;
  if (floats.has(name)) return isOperator(node, 'MatMul') ? undefined : 'refused';
  const weight = weights.get(name);
  if (weight === undefined || isExcluded(context, weight) || isHandedOut(name, edges) || edges.inputs.has(name)) return 'refused';
  const { dims } = weight.tensor;
  const isConv = isOperator(node, 'Conv');
  if (isConv ? dims.length < 3 : dims.length !== 2) return 'refused';
  const axis = isConv || (isOperator(node, 'Gemm') && intAttribute(node, 'transB', 0) !== 0) ? 0 : 1;
  if (elementCount(dims) === 0 || isOperator(node, 'MatMul') || biasName === '') return elementCount(dims) === 0 ? 'refused' : { weight, axis, bias: undefined };
  const proto = constantOf(biasName, edges.scope, all);
  if (proto === undefined || dtypeOf(proto.dataType) !== 'float32') return 'refused';
  const bias = tensorOf(context.model, proto);
  return elementCount(bias.dims) === dims[axis] && bias.dims.at(-1) === dims[axis] ? { weight, axis, bias } : 'refused';
}
