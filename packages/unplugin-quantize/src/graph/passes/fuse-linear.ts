import { dtypeOf, setTensor, tensorOf, tensorProto, arrayTensor, type Model, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { dropAttributes } from '../attributes.ts';
import { constantOf, indexEdges, isHandedOut, resolve, type Edges, type EdgesOf } from '../edges.ts';
import { namesOf, type Names } from '../edit.ts';
import { compose, identity, isShift, isTame, type Affine } from '../fuse/affine.ts';
import { linearOf, type Linear } from '../fuse/linear.ts';
import { scaledTensor } from '../fuse/scaled-tensor.ts';
import { affineOf, channelValues, type FloatConstant } from '../fuse/steps.ts';
import { nodeLabel } from '../scope.ts';

/**
 * Lets Conv, ConvTranspose and Gemm do what BatchNormalization and constants behind them do to their channels, in every scope.
 *
 *     Conv(x, W, b) -> a, BatchNormalization(a) -> c, Mul(c, k) -> y    =>    Conv(x, W', b') -> y
 *
 * - Steps are BatchNormalization outside of training, and Add, Sub, Mul, Div with one constant or one for each channel.
 * - Weight, bias and constants are float32 initializers; the weight is scaled only where nothing else reads it.
 * - All steps are put together in float64 and rounded once to float32, the weight when it is read. Outputs differ from the
 *   original by the rounding of the products that are no longer rounded in between.
 * - MatMul with an Add stays: engines fuse it, and quantizing wants the product alone.
 *
 * @returns the number of nodes that are gone
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a constant cannot be read
 */
export function fuseLinear(model: Model, edgesOf: EdgesOf = indexEdges): number {
  const all = edgesOf(model);
  let names: Names | undefined;
  let fused = 0;
  for (const edges of all) {
    const gone = new Set<NodeProto>();
    for (const node of edges.scope.graph.node) {
      const found = gone.has(node) ? undefined : findChain(model, node, edges, all);
      if (found === undefined) continue;
      apply(model, node, found, edges, (names ??= namesOf(model)));
      for (const step of found.steps) gone.add(step);
    }
    if (gone.size === 0) continue;
    fused += gone.size;
    edges.scope.graph.node = edges.scope.graph.node.filter((node) => !gone.has(node));
  }
  return fused;
}

interface Chain {
  linear: Linear;
  weight: TensorProto;
  bias: Tensor | undefined;
  /** The bias where nothing else reads it. */
  ownBias: TensorProto | undefined;
  steps: NodeProto[];
  affine: Affine;
}

function findChain(model: Model, node: NodeProto, edges: Edges, all: readonly Edges[]): Chain | undefined {
  const constantProto = (name: string): TensorProto | undefined => {
    const proto = name === '' ? undefined : constantOf(name, edges.scope, all);
    return proto !== undefined && dtypeOf(proto.dataType) === 'float32' ? proto : undefined;
  };
  const constant: FloatConstant = (name) => {
    const proto = constantProto(name);
    return proto && tensorOf(model, proto);
  };
  const [, weightName = '', biasName = ''] = node.input;
  const weight = constantProto(weightName);
  const linear = weight && linearOf(node, weight.dims.map(Number));
  if (weight === undefined || linear === undefined || linear.channels === 0) return undefined;
  const bias = constantProto(biasName);
  if (biasName !== '' && (bias === undefined || channelValues(tensorOf(model, bias), linear.channels, 0) === undefined)) return undefined;
  const isOwn = (proto: TensorProto): boolean => {
    const owner = resolve(proto.name, edges.scope, all)!;
    return owner.uses(proto.name).length === 1 && !isHandedOut(proto.name, owner);
  };
  const mayScale = isOwn(weight);

  const steps: NodeProto[] = [];
  let affine = identity(linear.channels);
  for (let last = node; ; last = steps.at(-1)!) {
    const use = onlyUse(last, edges);
    const step = use && affineOf(use.node, use.index, linear, constant);
    const next = step && compose(step, affine);
    if (use === undefined || next === undefined || !isTame(next) || !(mayScale || isShift(next))) break;
    affine = next;
    steps.push(use.node);
  }
  if (steps.length === 0) return undefined;
  return { linear, weight, bias: bias && tensorOf(model, bias), ownBias: bias && isOwn(bias) ? bias : undefined, steps, affine };
}

/** The only reader of a node's only output, in the same graph. */
function onlyUse(node: NodeProto, edges: Edges): { node: NodeProto; index: number } | undefined {
  const [output = ''] = node.output;
  const uses = edges.uses(output);
  const [use] = uses;
  return uses.length === 1 && use!.scope === edges.scope && !isHandedOut(output, edges) ? use : undefined;
}

function apply(model: Model, node: NodeProto, { linear, weight, bias, ownBias, steps, affine }: Chain, edges: Edges, names: Names): void {
  const { channels, beta, layout } = linear;
  const before = bias === undefined ? new Float64Array(channels) : channelValues(bias, channels, 0)!;
  const moved = arrayTensor('float32', [channels], Float32Array.from(before, (value, i) => value * beta * affine.scale[i]! + affine.offset[i]!));
  if (!isShift(affine)) setTensor(model, weight, scaledTensor(tensorOf(model, weight), affine.scale, layout));
  if (ownBias !== undefined) setTensor(model, ownBias, moved);
  else {
    const name = names.fresh(`${nodeLabel(node)}_bias`);
    edges.scope.graph.initializer.push(tensorProto(model, name, moved));
    node.input = [node.input[0]!, node.input[1]!, name];
  }
  dropAttributes(node, 'beta');
  node.output = steps.at(-1)!.output.slice(0, 1);
}
