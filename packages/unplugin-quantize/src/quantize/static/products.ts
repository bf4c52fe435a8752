import { constantOf, intAttribute, isOperator } from '../../graph/index.ts';
import { elementCount, setTensor, tensorOf, type GraphProto, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import type { QuantType } from '../affine.ts';
import { decide, remember, weightName, type Context, type Weight } from '../context.ts';
import { convGeometry, matrixGeometry, type WeightGeometry } from '../repair/bias-correction.ts';
import type { Builder } from './builder.ts';
import type { Candidate, ProductWeight } from './candidates.ts';
import { valueKey, type GraphView } from './views.ts';
import type { Parameters } from './parameters.ts';
import type { Planned } from './plan.ts';
import { correctedBias, quantizeBias, quantizeProductWeight, type BiasUse, type QuantizedWeight } from './product-tensors.ts';

/** Weights of products: all of int8, or of 7 bits, which sums of pairs in 16 bits hold (AVX2 without VNNI). */
export const WEIGHT_TYPES: Record<'full' | 'reduced', QuantType> = {
  full: { dtype: 'int8', min: -127, max: 127, zeroPoint: 0 },
  reduced: { dtype: 'int8', min: -64, max: 64, zeroPoint: 0 },
};

/** What the products of a graph share while it is rewritten. */
export interface Products {
  readonly view: GraphView;
  readonly parameters: ReadonlyMap<string, Parameters>;
  readonly weights: SharedWeights;
  /** The dequantized weight where a product of this graph before has made it: engines do not look for DequantizeLinear in graphs around. */
  readonly made: Map<TensorProto, string>;
}

/** Weights that are quantized, which may have readers in several graphs. */
export interface SharedWeights {
  readonly quantized: ReadonlyMap<TensorProto, QuantizedWeight>;
  /** The integers and scales of a weight; they become initializers of its own graph when they are first asked for. */
  initializers(weight: Weight, axis: number): { values: string; scales: string };
}

/** A graph that is to be rewritten, with the parameters of its values. */
export interface Parametrized extends Planned {
  readonly parameters: ReadonlyMap<string, Parameters>;
}

/**
 * Quantizes the weights of products, each once for all of its readers, and records the decisions.
 *
 * @param builderOf the builder of a graph
 */
export function quantizeProducts(context: Context, graphs: readonly Parametrized[], builderOf: (graph: GraphProto) => Builder): SharedWeights {
  const readers = new Map<TensorProto, { weight: Weight; axis: number; uses: BiasUse[] }>();
  for (const { plan, parameters } of graphs) {
    for (const candidate of plan.nodes) {
      if (candidate.weight === undefined) continue;
      const { weight, axis, bias } = candidate.weight;
      const known = readers.get(weight.proto) ?? { weight, axis, uses: [] };
      known.uses.push({ inputScale: inputScale(parameters, candidate), bias });
      readers.set(weight.proto, known);
    }
  }
  const { reduceRange, perChannel } = context.options;
  const quantized = new Map<TensorProto, QuantizedWeight>();
  for (const { weight, axis, uses } of readers.values()) {
    const form = { type: WEIGHT_TYPES[reduceRange ? 'reduced' : 'full'], isPerChannel: perChannel, name: weightName(weight) };
    const made = quantizeProductWeight(weight.tensor, axis, form, uses, context.options.reconstruct ? factorOf(context, weight, axis) : undefined);
    quantized.set(weight.proto, made);
    decide(context, weight, 'int8-static', made.values.byteLength + made.scales.byteLength);
  }
  const made = new Map<TensorProto, { values: string; scales: string }>();
  return {
    quantized,
    initializers(weight, axis) {
      const { proto, edges } = weight;
      const known = made.get(proto);
      if (known !== undefined) return known;
      const [build, { values, scales, isPerChannel }] = [builderOf(edges.scope.graph), quantized.get(proto)!];
      const protos = { scales: build.initializer(`${proto.name}_s`, scales), values: build.initializer(`${proto.name}_q`, values) };
      remember(context, weight, { order: { kind: 'channels', axis: isPerChannel ? axis : undefined, zeroPoint: 0 }, ...protos });
      const names = { values: protos.values.name, scales: protos.scales.name };
      made.set(proto, names);
      return names;
    },
  };
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
  const quantized = products.weights.quantized.get(proto)!;
  const { values: integers, scales } = products.weights.initializers(weight.weight, weight.axis);
  const nodes: NodeProto[] = [];
  let made = products.made.get(proto);
  if (made === undefined) {
    made = build.fresh(`${proto.name}_d`);
    const zeroPoint = isOperator(node, 'Conv') ? undefined : build.zeros(quantized.scales.dims);
    nodes.push(build.dequantizeSymmetric(integers, made, scales, quantized.isPerChannel ? weight.axis : undefined, zeroPoint));
    products.made.set(proto, made);
  }
  node.input[1] = made;
  const shift = shiftOf(products, candidate, quantized);
  if (isOperator(node, 'MatMul')) {
    if (shift !== undefined) correctFollowingBias(products.view, node, quantized.channels, shift);
    return nodes;
  }
  if (weight.bias === undefined && shift === undefined) return nodes;
  const bias = node.input[2] || `${node.output[0]!}_bias`;
  const values = build.constant(`${bias}_q`, quantizeBias(weight.bias, inputScale(products.parameters, candidate), quantized, shift));
  const name = build.fresh(`${bias}_d`);
  const scale = build.productScale(inputScale(products.parameters, candidate), scales, quantized, bias);
  nodes.push(...scale.nodes, build.dequantizeSymmetric(values, name, scale.name, quantized.isPerChannel ? 0 : undefined));
  node.input = [node.input[0]!, made, name];
  return nodes;
}

/** The correction of a bias, where samples told the means of the input's channels. */
function shiftOf({ view }: Products, { node, activations, weight }: Candidate, quantized: QuantizedWeight): (() => Float64Array) | undefined {
  const { options, statistics } = view.context;
  const mean = options.biasCorrection ? statistics.get(valueKey(view, activations[0]!))?.channels?.mean : undefined;
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
function correctFollowingBias({ edges, all, context }: GraphView, node: NodeProto, channels: number, shift: () => Float64Array): void {
  const [use] = edges.uses(node.output[0]!);
  if (edges.uses(node.output[0]!).length !== 1 || !isOperator(use!.node, 'Add') || use!.scope !== edges.scope) return;
  const name = use!.node.input[1 - use!.index]!;
  const proto = constantOf(name, edges.scope, all);
  if (proto === undefined || edges.uses(name).length !== 1 || edges.outputs.has(name)) return;
  const bias: Tensor = tensorOf(context.model, proto);
  if (bias.dtype !== 'float32' || bias.dims.length !== 1 || bias.dims[0] !== channels || context.decisions.has(proto)) return;
  setTensor(context.model, proto, correctedBias(bias, shift));
}
