import { constantOf, intAttribute, isHandedOut, isOperator, resolve } from '../../graph/index.ts';
import { dtypeOf, elementCount, tensorOf, type NodeProto, type Tensor } from '../../onnx/index.ts';
import { isExcluded, type Weight } from '../context.ts';
import { boundAfter, scalar, type Bound } from './bounds.ts';
import { isDepthwise, staticOperator, type Role, type StaticOperator } from './operators.ts';
import { findStatistics } from './ranges.ts';
import type { GraphView } from './views.ts';

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

/**
 * The nodes of each graph that have an integer form and may be changed, in order.
 *
 * @param views all graphs of a model, because a weight may have readers in several
 */
export function findCandidates(views: readonly GraphView[]): Candidate[][] {
  const found = views.map((view) => view.edges.scope.graph.node.flatMap((node) => candidateOf(view, node) ?? []).filter((candidate) => isKnown(view, candidate)));
  // A weight is quantized for all of its readers or for none.
  const seeds = new Map(found.flat().flatMap(({ node, weight }) => (weight === undefined ? [] : [[node, weight.axis]])));
  const isWhole = ({ weight, axis }: ProductWeight): boolean => weight.uses.every(({ node, index }) => index === 1 && seeds.get(node) === axis);
  return views.map((view, i) => {
    const kept = found[i]!.filter(({ weight }) => weight === undefined || isWhole(weight));
    return withoutBiases(view, kept).filter(({ node }) => !view.context.leavesNode(node));
  });
}

/** The bias behind a MatMul is added in float32, as onnxruntime's kernel gives it: rounding twice would cost accuracy and time. */
function withoutBiases({ edges }: GraphView, kept: readonly Candidate[]): Candidate[] {
  const matrixProducts = new Set(kept.flatMap(({ node, isSeed }) => (isSeed && node.opType === 'MatMul' ? [node.output[0]!] : [])));
  return kept.filter(({ node, activations, constants }) => !(isOperator(node, 'Add') && constants.length === 1 && matrixProducts.has(activations[0]!) && edges.uses(activations[0]!).length === 1));
}

/** False for a node of a body that no sample came to. While the model is made that samples are to run in, nothing is known of any. */
function isKnown(view: GraphView, { node, role, activations, outputs }: Candidate): boolean {
  if (view.edges.scope.parent === undefined || view.context.statistics.size === 0 || role === 'mover') return true;
  const needed = staticOperator(node)?.floatKernel === undefined ? [...activations, ...outputs] : activations;
  return needed.every((name) => findStatistics(view, name) !== undefined);
}

/** A multiplication with a constant moves elements to another scale. */
const SCALER: StaticOperator = { role: 'mover', activations: 2 };

function candidateOf(view: GraphView, node: NodeProto): Candidate | undefined {
  const factor = factorOf(view, node);
  const row = factor === undefined ? staticOperator(node) : SCALER;
  if (row === undefined || view.context.leavesNode(node) || isQuantizedByModel(view, node)) return undefined;
  if (!view.context.options.integerDepthwise && isDepthwise(node)) return undefined;
  const product = row.role === 'product' ? productWeight(view, node) : undefined;
  if (product === 'refused') return undefined;
  const read = product === undefined ? node.input.slice(0, row.activations) : node.input.slice(0, 1);
  const isFloatConstant = (name: string): boolean => dtypeOf(constantOf(name, view.edges.scope, view.all)?.dataType ?? 0) === 'float32';
  const activations = read.filter((name) => view.floats.has(name));
  const constants = read.filter((name) => !view.floats.has(name));
  const isWhole = activations.length > 0 && constants.every(isFloatConstant) && node.output.every((name) => name === '' || view.floats.has(name));
  // onnxruntime's selectors count one DequantizeLinear for each input.
  if (!isWhole || new Set(read).size < read.length) return undefined;
  if (row.role !== 'arithmetic' && constants.length > 0 && factor === undefined) return undefined;
  const bounds = row.role === 'mover' ? [] : boundsOf(view, node.output[0]!);
  const outputs = bounds.length > 0 ? [bounds.at(-1)!.node.output[0]!] : node.output.filter((name) => name !== '');
  return { node, role: row.role, isSeed: product !== undefined, activations, constants: factor === undefined ? constants : [], weight: product, outputs, bounds, factor };
}

/** What has QuantizeLinear and DequantizeLinear of its own keeps them. */
function isQuantizedByModel({ edges, all }: GraphView, node: NodeProto): boolean {
  const makers = node.input.map((name) => resolve(name, edges.scope, all)?.producers.get(name));
  const readers = node.output.flatMap((name) => edges.uses(name).map((use) => use.node));
  return makers.some((maker) => maker !== undefined && isOperator(maker, 'DequantizeLinear')) || readers.some((reader) => isOperator(reader, 'QuantizeLinear'));
}

function boundsOf({ context, edges, all }: GraphView, output: string): Bound[] {
  const bounds: Bound[] = [];
  for (let value = output; ;) {
    const bound = boundAfter(value, edges, all, context.model);
    if (bound === undefined || context.leavesNode(bound.node)) return bounds;
    bounds.push(bound);
    value = bound.node.output[0]!;
  }
}

/** Multiplication or division by a positive constant changes nothing but the scale. */
function factorOf({ edges, all, context }: GraphView, node: NodeProto): number | undefined {
  if (!isOperator(node, 'Mul', 'Div') || isHandedOut(node.output[0]!, edges)) return undefined;
  const values = node.input.map((name) => scalar(name, edges, all, context.model));
  const value = isOperator(node, 'Div') ? values[1] : (values[1] ?? values[0]);
  if (value === undefined || !(value > 1e-6 && value < 1e6)) return undefined;
  return isOperator(node, 'Div') ? 1 / value : value;
}

/** The weight of a product; 'refused' where its second input is constant and has no integer form, undefined where it is computed. */
function productWeight(view: GraphView, node: NodeProto): ProductWeight | 'refused' | undefined {
  const { edges, all, context, weights, floats } = view;
  const [, name = '', biasName = ''] = node.input;
  if (floats.has(name)) return isOperator(node, 'MatMul') ? undefined : 'refused';
  const weight = weights.get(name);
  if (weight === undefined || isExcluded(context, weight) || isHandedOut(name, weight.edges) || weight.edges.inputs.has(name)) return 'refused';
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
