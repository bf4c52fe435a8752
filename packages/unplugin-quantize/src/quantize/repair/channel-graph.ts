import { constantOf, intAttribute, isHandedOut, isOperator, resolve, type Edges } from '../../graph/index.ts';
import { channelValues } from '../../graph/fuse/steps.ts';
import { dtypeOf, readPayload, tensorOf, type Model, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { carry, type Channels } from './carriers.ts';
import type { ChannelSets } from './channel-sets.ts';
import { inputChannels, outputChannels, weightLayout, type WeightLayout } from './weight-layout.ts';

/** A product whose weight can be scaled, with the numbers of the channels that it reads and makes. */
export interface Layer {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  readonly tensor: Tensor;
  readonly layout: WeightLayout;
  /** One for each input channel of the weight; undefined where the input keeps its values. */
  readonly inputs: Int32Array | undefined;
  /** One for each output channel. */
  readonly outputs: Int32Array;
  /** float32 [channels], [1, channels] or one number. */
  readonly bias: Tensor | undefined;
}

/** A constant that is added to channels and has to be scaled with them. */
export interface Addend {
  readonly node: NodeProto;
  readonly index: number;
  readonly tensor: Tensor;
  readonly channels: Channels;
}

/** A node that gives its channels their ranges by constants: a norm, or a multiplication with one number for each channel. */
export interface Norm {
  readonly node: NodeProto;
  readonly constants: readonly { readonly index: number; readonly tensor: Tensor }[];
  readonly outputs: Int32Array;
}

export interface ChannelGraph {
  readonly layers: readonly Layer[];
  readonly norms: readonly Norm[];
  readonly addends: readonly Addend[];
  /** What is known of each value. */
  readonly known: ReadonlyMap<string, Channels>;
}

/** Constants of shapes, axes and slopes are small; a longer list is no parameter. */
const MOST_NUMBERS = 4096;

/**
 * Follows the channels of activations through one graph, from each product with an own, constant weight to the products that read them.
 * Channels are pinned where anything else reads them: another operator, a subgraph, whoever runs the model.
 *
 * @param mayScale whether a weight may be changed
 * @param withNorms whether chains begin at norms too
 */
export function followChannels(
  model: Model, edges: Edges, all: readonly Edges[], sets: ChannelSets, mayScale: (weight: TensorProto) => boolean, withNorms = false,
): ChannelGraph {
  const known = new Map<string, Channels>();
  const layers: Layer[] = [];
  const norms: Norm[] = [];
  const addends: Addend[] = [];
  const constant = (name: string): TensorProto | undefined => (name === '' ? undefined : constantOf(name, edges.scope, all));
  const float = (name: string): Tensor | undefined => {
    const proto = constant(name);
    return proto !== undefined && dtypeOf(proto.dataType) === 'float32' ? tensorOf(model, proto) : undefined;
  };
  for (const node of edges.scope.graph.node) {
    const inputs = node.input.map((name) => known.get(name));
    const layer = findLayer(node, inputs[0], sets, { constant, float, mayScale, model, edges, all });
    if (layer !== undefined) {
      layers.push(layer);
      known.set(node.output[0]!, { ids: layer.outputs, trailing: layer.layout.trailing, pooled: false, merged: false });
      inputs.forEach((input, index) => input !== undefined && (index > 0 || layer.inputs === undefined) && sets.pin(input.ids));
      continue;
    }
    const norm = withNorms ? findNorm(node, inputs, sets, float) : undefined;
    if (norm !== undefined) {
      norms.push(norm);
      known.set(node.output[0]!, { ids: norm.outputs, trailing: 0, pooled: false, merged: false });
      for (const input of inputs) if (input !== undefined) sets.pin(input.ids);
      continue;
    }
    if (inputs.every((input) => input === undefined)) continue;
    const outputs = carry({
      node, inputs, sets,
      isConstant: (index) => constant(node.input[index] ?? '') !== undefined,
      dims: (index) => constant(node.input[index] ?? '')?.dims.map(Number),
      numbers: (index) => smallNumbers(model, constant(node.input[index] ?? '')),
      scaleAddend(index, channels) {
        const tensor = float(node.input[index] ?? '');
        if (tensor === undefined || channelValues(tensor, channels.ids.length, channels.trailing) === undefined) return false;
        addends.push({ node, index, tensor, channels });
        return true;
      },
    });
    if (outputs === undefined) for (const input of inputs) if (input !== undefined) sets.pin(input.ids);
    outputs?.forEach((output, i) => output !== undefined && known.set(node.output[i]!, output));
  }
  for (const [name, { ids }] of known) {
    const isReadBelow = edges.uses(name).some((use) => use.scope !== edges.scope);
    if (isReadBelow || isHandedOut(name, edges)) sets.pin(ids);
  }
  return { layers, norms, addends, known };
}

/** Norms over the last axis, and the multiplication that is left of one that was exported as its parts. */
function findNorm(node: NodeProto, inputs: readonly (Channels | undefined)[], sets: ChannelSets, float: (name: string) => Tensor | undefined): Norm | undefined {
  const vector = (index: number): Tensor | undefined => {
    const tensor = float(node.input[index] ?? '');
    return tensor?.dims.length === 1 && tensor.dims[0]! > 1 ? tensor : undefined;
  };
  const made = (...constants: { index: number; tensor: Tensor }[]): Norm => ({ node, constants, outputs: sets.fresh(constants[0]!.tensor.dims[0]!) });
  if (isOperator(node, 'Mul')) {
    const index = [0, 1].find((i) => vector(i) !== undefined);
    return index === undefined || inputs.some((input) => input !== undefined) ? undefined : made({ index, tensor: vector(index)! });
  }
  const isNorm = isOperator(node, 'LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization');
  if (!isNorm || intAttribute(node, 'axis', -1) !== -1 || node.output.slice(1).some((name) => name !== '')) return undefined;
  const [scale, bias] = [vector(1), vector(2)];
  if (scale === undefined || ((node.input[2] ?? '') !== '' && bias?.dims[0] !== scale.dims[0])) return undefined;
  return made({ index: 1, tensor: scale }, ...(bias === undefined ? [] : [{ index: 2, tensor: bias }]));
}

interface Surroundings {
  constant(name: string): TensorProto | undefined;
  float(name: string): Tensor | undefined;
  mayScale(weight: TensorProto): boolean;
  model: Model;
  edges: Edges;
  all: readonly Edges[];
}

function findLayer(node: NodeProto, input: Channels | undefined, sets: ChannelSets, { constant, float, mayScale, edges, all }: Surroundings): Layer | undefined {
  const [, weightName = '', biasName = ''] = node.input;
  if (!isOperator(node, 'Conv', 'ConvTranspose', 'Gemm', 'MatMul')) return undefined;
  const weight = constant(weightName);
  const tensor = float(weightName);
  const layout = tensor && weightLayout(node, tensor.dims);
  if (weight === undefined || tensor === undefined || layout === undefined || !mayScale(weight)) return undefined;
  const owner = resolve(weightName, edges.scope, all)!;
  if (owner !== edges || owner.uses(weightName).length > 1 || isHandedOut(weightName, owner)) return undefined;
  const bias = float(biasName);
  if (biasName !== '' && (bias === undefined || channelValues(bias, outputChannels(layout), 0) === undefined)) return undefined;
  return { node, weight, tensor, layout, bias, inputs: input && inputIds(input, layout), outputs: sets.fresh(outputChannels(layout)) };
}

/** The number of each input channel of a weight; undefined where the activation's channels are not the weight's. */
function inputIds({ ids, trailing, merged }: Channels, layout: WeightLayout): Int32Array | undefined {
  const count = inputChannels(layout);
  if (trailing !== layout.trailing) return undefined;
  if (!merged) return ids.length === count ? ids : undefined;
  const run = count / ids.length;
  return Number.isSafeInteger(run) ? Int32Array.from({ length: count }, (_, i) => ids[Math.floor(i / run)]!) : undefined;
}

function smallNumbers(model: Model, proto: TensorProto | undefined): number[] | undefined {
  if (proto === undefined || proto.dims.reduce((a, b) => a * b, 1n) > MOST_NUMBERS) return undefined;
  const { buffer } = readPayload(tensorOf(model, proto));
  switch (dtypeOf(proto.dataType)) {
    case 'float32':
      return [...new Float32Array(buffer)];
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return [...new Int32Array(buffer)];
    default:
      return undefined;
  }
}
