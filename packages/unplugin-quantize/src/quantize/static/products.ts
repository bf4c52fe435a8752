import { constantOf, intAttribute, isOperator } from '../../graph/index.ts';
import { elementCount, setTensor, tensorOf, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import type { QuantType } from '../affine.ts';
import { decide, remember, weightName, type Context, type Weight } from '../context.ts';
import { convGeometry, matrixGeometry, type WeightGeometry } from '../repair/bias-correction.ts';
import type { Builder } from './builder.ts';
import type { Candidate, MainGraph, ProductWeight } from './candidates.ts';
import type { Parameters } from './parameters.ts';
import type { Plan } from './plan.ts';
import { correctedBias, quantizeBias, quantizeProductWeight, type QuantizedWeight } from './product-tensors.ts';

/** Weights of products: all of int8, or of 7 bits, which sums of pairs in 16 bits hold (AVX2 without VNNI). */
export const WEIGHT_TYPES: Record<'full' | 'reduced', QuantType> = {
  full: { dtype: 'int8', min: -127, max: 127, zeroPoint: 0 },
  reduced: { dtype: 'int8', min: -64, max: 64, zeroPoint: 0 },
};

/** What the products of a graph share while it is rewritten. */
export interface Products {
  readonly main: MainGraph;
  readonly parameters: ReadonlyMap<string, Parameters>;
  readonly weights: ReadonlyMap<TensorProto, QuantizedWeight>;
  /** The dequantized weight, and its scale, where a product before has made them. */
  readonly made: Map<TensorProto, { name: string; scale: string }>;
}

/** Quantizes the weights of the plan's products, each once for all of its readers, and records the decisions. */
export function quantizeProducts(main: MainGraph, plan: Plan, parameters: ReadonlyMap<string, Parameters>): Products {
  const { context } = main;
  const readers = new Map<Weight, Candidate[]>();
  for (const candidate of plan.nodes) {
    const weight = candidate.weight?.weight;
    if (weight !== undefined) readers.set(weight, [...(readers.get(weight) ?? []), candidate]);
  }
  const { reduceRange, perChannel } = context.options;
  const weights = new Map<TensorProto, QuantizedWeight>();
  for (const [weight, candidates] of readers) {
    const { axis } = candidates[0]!.weight!;
    const uses = candidates.map((candidate) => ({ inputScale: inputScale(parameters, candidate), bias: candidate.weight!.bias }));
    const form = { type: WEIGHT_TYPES[reduceRange ? 'reduced' : 'full'], isPerChannel: perChannel, name: weightName(weight) };
    const quantized = quantizeProductWeight(weight.tensor, axis, form, uses, context.options.reconstruct ? factorOf(context, weight, axis) : undefined);
    weights.set(weight.proto, quantized);
    decide(context, weight, 'int8-static', quantized.values.byteLength + quantized.scales.byteLength);
  }
  return { main, parameters, weights, made: new Map() };
}

/** How the factor of a weight's inputs is found; it gives nothing where samples did not tell of them. */
function factorOf({ inputFactor }: Context, weight: Weight, axis: number): () => Float64Array | undefined {
  const { dims } = weight.tensor;
  return () => inputFactor(weightName(weight), elementCount(dims) / dims[axis]!);
}

function inputScale(parameters: ReadonlyMap<string, Parameters>, { activations }: Candidate): number {
  return parameters.get(activations[0]!)!.scale;
}

/** The nodes that unpack a product's weight and bias; the product reads them from then on. */
export function productNodes(products: Products, build: Builder, candidate: Candidate): NodeProto[] {
  const { node, weight } = candidate;
  if (weight === undefined) return [];
  const { proto } = weight.weight;
  const quantized = products.weights.get(proto)!;
  const nodes: NodeProto[] = [];
  let made = products.made.get(proto);
  if (made === undefined) {
    const [name, scales] = [build.fresh(`${proto.name}_d`), build.initializer(`${proto.name}_s`, quantized.scales)];
    const values = build.initializer(`${proto.name}_q`, quantized.values);
    made = { name, scale: scales.name };
    remember(products.main.context, weight.weight, { order: { kind: 'channels', axis: quantized.isPerChannel ? weight.axis : undefined, zeroPoint: 0 }, values, scales });
    const zeroPoint = isOperator(node, 'Conv') ? undefined : build.zeros(quantized.scales.dims);
    nodes.push(build.dequantizeSymmetric(values.name, made.name, made.scale, quantized.isPerChannel ? weight.axis : undefined, zeroPoint));
    products.made.set(proto, made);
  }
  node.input[1] = made.name;
  const shift = shiftOf(products, candidate, quantized);
  if (isOperator(node, 'MatMul')) {
    if (shift !== undefined) correctFollowingBias(products.main, node, quantized.channels, shift);
    return nodes;
  }
  if (weight.bias === undefined && shift === undefined) return nodes;
  const bias = node.input[2] || `${node.output[0]!}_bias`;
  const values = build.constant(`${bias}_q`, quantizeBias(weight.bias, inputScale(products.parameters, candidate), quantized, shift));
  const name = build.fresh(`${bias}_d`);
  const scale = build.productScale(inputScale(products.parameters, candidate), made.scale, quantized, bias);
  nodes.push(...scale.nodes, build.dequantizeSymmetric(values, name, scale.name, quantized.isPerChannel ? 0 : undefined));
  node.input = [node.input[0]!, made.name, name];
  return nodes;
}

/** The correction of a bias, where samples told the means of the input's channels. */
function shiftOf({ main: { context } }: Products, { node, activations, weight }: Candidate, quantized: QuantizedWeight): (() => Float64Array) | undefined {
  const mean = context.options.biasCorrection ? context.statistics.get(activations[0]!)?.channels?.mean : undefined;
  const { geometry, inputs } = geometryOf(node, weight!);
  return mean?.length === inputs ? () => quantized.shift(geometry, mean) : undefined;
}

function geometryOf(node: NodeProto, { weight, axis }: ProductWeight): { geometry: WeightGeometry; inputs: number } {
  const { dims } = weight.tensor;
  if (!isOperator(node, 'Conv')) return { geometry: matrixGeometry(dims, axis), inputs: dims[1 - axis]! };
  const groups = intAttribute(node, 'group', 1);
  return { geometry: convGeometry(dims, groups), inputs: dims[1]! * groups };
}

/** A MatMul has no bias, but the constant that is added to what it gives is one. */
function correctFollowingBias({ edges, all, context }: MainGraph, node: NodeProto, channels: number, shift: () => Float64Array): void {
  const [use] = edges.uses(node.output[0]!);
  if (edges.uses(node.output[0]!).length !== 1 || !isOperator(use!.node, 'Add') || use!.scope !== edges.scope) return;
  const name = use!.node.input[1 - use!.index]!;
  const proto = constantOf(name, edges.scope, all);
  if (proto === undefined || edges.uses(name).length !== 1 || edges.outputs.has(name)) return;
  const bias: Tensor = tensorOf(context.model, proto);
  if (bias.dtype !== 'float32' || bias.dims.length !== 1 || bias.dims[0] !== channels || context.decisions.has(proto)) return;
  setTensor(context.model, proto, correctedBias(bias, shift));
}
