import { channelValues } from '../../graph/fuse/steps.ts';
import { isHandedOut, type Edges, type Names } from '../../graph/index.ts';
import { arrayTensor, setTensor, tensorProto, type Model, type NodeProto, type Tensor } from '../../onnx/index.ts';
import { factors, inputFactors } from './balance.ts';
import type { ChannelGraph } from './channel-graph.ts';
import type { ChannelSets } from './channel-sets.ts';
import { scaleWeight } from './scale-weight.ts';

/**
 * Multiplies channels by powers of two in the weights, biases and constants that make them, and divides what reads them.
 *
 * @param logs logarithms to base 2 of the factors, by root number
 * @returns the number of activations whose channels were scaled where they are made
 */
export function scaleChannels(model: Model, edges: Edges, { layers, norms, addends }: ChannelGraph, logs: Float64Array, sets: ChannelSets, names: Names): number {
  let scaled = 0;
  const isScaled = (ids: Int32Array | undefined): boolean => ids?.some((id) => logs[sets.root(id)] !== 0) ?? false;
  for (const layer of layers) {
    const { node, weight, tensor, layout, bias } = layer;
    if (!isScaled(layer.outputs) && !isScaled(layer.inputs)) continue;
    const outputs = factors(layer.outputs, logs, sets, 1);
    setTensor(model, weight, scaleWeight(tensor, layout, outputs, inputFactors(layer, logs, sets)));
    if (!isScaled(layer.outputs)) continue;
    scaled++;
    if (bias !== undefined) replaceConstant(model, edges, node, 2, scaledValues(bias, outputs, 0), names);
  }
  for (const { node, constants, outputs } of norms) {
    if (!isScaled(outputs)) continue;
    scaled++;
    for (const { index, tensor } of constants) replaceConstant(model, edges, node, index, scaledValues(tensor, factors(outputs, logs, sets, 1), 0), names);
  }
  for (const { node, index, tensor, channels } of addends) {
    if (isScaled(channels.ids)) replaceConstant(model, edges, node, index, scaledValues(tensor, factors(channels.ids, logs, sets, 1), channels.trailing), names);
  }
  return scaled;
}

/** A constant with one value for each channel, multiplied by the channels' factors. */
function scaledValues(tensor: Tensor, scale: Float64Array, trailing: number): Tensor {
  const values = channelValues(tensor, scale.length, trailing)!;
  return arrayTensor('float32', [scale.length, ...Array<number>(trailing).fill(1)], Float32Array.from(values, (value, i) => value * scale[i]!));
}

/** The initializer itself gets other values where nothing else reads it. */
function replaceConstant(model: Model, edges: Edges, node: NodeProto, index: number, tensor: Tensor, names: Names): void {
  const name = node.input[index]!;
  const proto = edges.initializers.get(name);
  if (proto !== undefined && edges.uses(name).length === 1 && !isHandedOut(name, edges)) {
    setTensor(model, proto, tensor);
    return;
  }
  const fresh = names.fresh(`${name}_scaled`);
  edges.scope.graph.initializer.push(tensorProto(model, fresh, tensor));
  node.input[index] = fresh;
}
