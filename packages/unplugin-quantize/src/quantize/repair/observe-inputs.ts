import { intAttribute, intsAttribute, isOperator, makeNode, stringAttribute, type Names } from '../../graph/index.ts';
import { arrayTensor, elementCount, tensorProto, type Model, type NodeProto } from '../../onnx/index.ts';
import { addGram, type Observation } from '../gptq/observe.ts';

/** Inputs of one output element: beyond, the sums of products would be too large to hand out and to invert (42 MB). */
const MOST_INPUTS = 2304;

/** A product with a constant weight, as reconstruction looks at it. */
export interface ObservedProduct {
  readonly node: NodeProto;
  /** Name of the weight (`WeightDecision.tensor`). */
  readonly weight: string;
  readonly dims: readonly number[];
  /** The axis of output channels. */
  readonly axis: number;
}

/**
 * Makes a model hand out the sum of xᵀ x over all rows x that are multiplied with weights: of a matrix product the rows of its input, of a
 * convolution without groups the patches of its image, which a convolution with the unit matrix cuts out.
 *
 * @returns what to watch; convolutions with groups and very wide products are left out
 */
export function observeInputs(model: Model, names: Names, products: readonly ObservedProduct[]): Observation[] {
  const observations = new Map<string, Observation>();
  for (const { node, weight, dims, axis } of products) {
    const K = elementCount(dims) / dims[axis]!;
    if (K > MOST_INPUTS || (isOperator(node, 'Conv') && intAttribute(node, 'group', 1) !== 1) || intAttribute(node, 'transA', 0) !== 0) continue;
    const key = isOperator(node, 'Conv') ? JSON.stringify([node.input[0], dims.slice(1), ...geometry(node)]) : node.input[0]!;
    const known = observations.get(key);
    if (known !== undefined) {
      if (!known.weights.includes(weight)) known.weights.push(weight);
      continue;
    }
    const output = names.fresh(`${node.input[0]!}_gram`);
    const fresh = (base: string): string => names.fresh(`${output}_${base}`);
    addGram(model, fresh, isOperator(node, 'Conv') ? addPatches(model, fresh, node, dims) : node.input[0]!, output, K);
    observations.set(key, { output, K, weights: [weight] });
  }
  return [...observations.values()];
}

const GEOMETRY = ['dilations', 'kernel_shape', 'pads', 'strides'];

function geometry(node: NodeProto): unknown[] {
  return [...GEOMETRY.map((name) => intsAttribute(node, name) ?? null), stringAttribute(node, 'auto_pad', 'NOTSET')];
}

/** The patches of a convolution as the last axis, in the order of its weight's elements. */
function addPatches(model: Model, fresh: (base: string) => string, node: NodeProto, [, ...patch]: readonly number[]): string {
  const graph = model.proto.graph!;
  const K = elementCount(patch);
  const patches = fresh('patches');
  const turn = (from: string): void => void graph.node.push(makeNode('Transpose', [from], [patches], { perm: [0, ...patch.slice(1).map((_, i) => i + 2), 1] }));
  if (isPointwise(node, K, patch)) {
    turn(node.input[0]!);
    return patches;
  }
  const [unit, cut] = [fresh('unit'), fresh('cut')];
  const diagonal = Float32Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 1 : 0));
  graph.initializer.push(tensorProto(model, unit, arrayTensor('float32', [K, ...patch], diagonal)));
  const convolution = makeNode('Conv', [node.input[0]!, unit], [cut]);
  convolution.attribute = node.attribute;
  graph.node.push(convolution);
  turn(cut);
  return patches;
}

/** True where each pixel is a patch by itself. */
function isPointwise(node: NodeProto, K: number, [channels]: readonly number[]): boolean {
  const isAll = (name: string, value: number): boolean => intsAttribute(node, name)?.every((item) => item === value) ?? true;
  return K === channels && isAll('strides', 1) && isAll('pads', 0);
}
