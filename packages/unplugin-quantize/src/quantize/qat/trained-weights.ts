import { constantOf, intAttribute, isHandedOut, isOperator, type Edges } from '../../graph/index.ts';
import { dtypeOf, readPayload, tensorOf, tensorProto, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { decide, undecidedWeights, weightName, type Context, type Weight } from '../context.ts';
import { quantizeLinear, TRAINED_TYPES, type LinearParameters, type TrainedType } from './quantize-linear.ts';

/** A weight's QuantizeLinear, with a Clip behind it where the range is narrow. */
interface Rounding {
  readonly quantize: NodeProto;
  readonly clip: NodeProto | undefined;
  readonly parameters: LinearParameters;
}

/**
 * Stores the weights of a model that was trained for quantization as the integers that it computes with:
 *
 *     W (float32) -> QuantizeLinear -> DequantizeLinear -> Conv    =>    Wq (int8) -> DequantizeLinear -> Conv
 *     W (float32) -> QuantizeLinear -> Clip(-127, 127) -> DequantizeLinear    =>    the same, clipped
 *
 * Scales and zero points are the trained ones, bit for bit; so is what DequantizeLinear gives. A weight that something else reads too stays.
 *
 * @returns the number of weights
 */
export function storeTrainedWeights(context: Context): number {
  const gone = new Set<NodeProto>();
  const replaced = new Set<TensorProto>();
  const added = new Map<Edges, TensorProto[]>();
  for (const weight of undecidedWeights(context)) {
    const roundings = weight.uses.map((use) => (use.index === 0 && use.scope === weight.edges.scope ? roundingOf(context, use.node, weight) : undefined));
    if (roundings.length === 0 || roundings.includes(undefined) || isHandedOut(weight.proto.name, weight.edges) || weight.edges.inputs.has(weight.proto.name)) continue;
    let bytes = 0;
    for (const { quantize, clip, parameters } of roundings as Rounding[]) {
      const integers = tensorProto(context.model, (clip ?? quantize).output[0]!, quantizeLinear(weight.tensor, parameters, weightName(weight)));
      added.set(weight.edges, [...(added.get(weight.edges) ?? []), integers]);
      bytes += tensorOf(context.model, integers).byteLength;
      gone.add(quantize);
      if (clip !== undefined) gone.add(clip);
    }
    replaced.add(weight.proto);
    decide(context, weight, 'trained', bytes);
  }
  for (const [{ scope: { graph } }, tensors] of added) {
    graph.initializer = [...graph.initializer.filter((proto) => !replaced.has(proto)), ...tensors];
    graph.node = graph.node.filter((node) => !gone.has(node));
  }
  return replaced.size;
}

function roundingOf(context: Context, quantize: NodeProto, { edges, tensor, edgesAt }: Weight): Rounding | undefined {
  if (!isOperator(quantize, 'QuantizeLinear') || intAttribute(quantize, 'block_size', 0) !== 0) return undefined;
  const all = [edges, ...outerEdges(edges, edgesAt)];
  const constant = (name: string): Tensor | undefined => {
    const proto = name === '' ? undefined : constantOf(name, edges.scope, all);
    return proto && tensorOf(context.model, proto);
  };
  const scale = constant(quantize.input[1] ?? '');
  const zero = constant(quantize.input[2] ?? '');
  if (scale?.dtype !== 'float32' || ((quantize.input[2] ?? '') !== '' && zero === undefined)) return undefined;
  const dtype = zero?.dtype ?? dtypeOf(intAttribute(quantize, 'output_dtype', 0)) ?? 'uint8';
  if (!isTrained(dtype)) return undefined;
  const scales = new Float32Array(readPayload(scale).buffer);
  const asked = intAttribute(quantize, 'axis', 1);
  const axis = asked < 0 ? asked + tensor.dims.length : asked;
  const isPerChannel = scale.dims.length === 1 && scales.length !== 1;
  if (isPerChannel ? tensor.dims[axis] !== scales.length : scales.length !== 1) return undefined;
  const zeroPoints = zero === undefined ? new Int8Array(scales.length) : TRAINED_TYPES[dtype].make(readPayload(zero).buffer as ArrayBuffer);
  if (zeroPoints.length !== scales.length) return undefined;
  const behind = readersOf(quantize, edges);
  const clip = behind?.length === 1 && isOperator(behind[0]!, 'Clip') && behind[0]!.input[0] === quantize.output[0] ? behind[0] : undefined;
  const readers = clip === undefined ? behind : readersOf(clip, edges);
  if (readers === undefined || readers.length === 0 || !readers.every((node) => isOperator(node, 'DequantizeLinear') && !node.input.slice(1).includes(readOf(quantize, clip)))) return undefined;
  const bounds = clip === undefined ? { low: -Infinity, high: Infinity } : clipBounds(clip, constant);
  return bounds && { quantize, clip, parameters: { dtype, axis: isPerChannel ? axis : undefined, scales, zeroPoints, ...bounds } };
}

function readOf(quantize: NodeProto, clip: NodeProto | undefined): string {
  return (clip ?? quantize).output[0]!;
}

/** The nodes that read a node's output, where all are beside it and it stays inside. */
function readersOf(node: NodeProto, edges: Edges): NodeProto[] | undefined {
  const [output = ''] = node.output;
  const uses = edges.uses(output);
  return isHandedOut(output, edges) || uses.some((use) => use.scope !== edges.scope) ? undefined : uses.map((use) => use.node);
}

/** The whole numbers between which a Clip keeps integers; undefined where they are computed. */
function clipBounds({ input }: NodeProto, constant: (name: string) => Tensor | undefined): { low: number; high: number } | undefined {
  const bound = (index: number, none: number): number | undefined => {
    if ((input[index] ?? '') === '') return none;
    const tensor = constant(input[index]!);
    return tensor !== undefined && isTrained(tensor.dtype) ? TRAINED_TYPES[tensor.dtype].make(readPayload(tensor).buffer as ArrayBuffer)[0] : undefined;
  };
  const [low, high] = [bound(1, -Infinity), bound(2, Infinity)];
  return low === undefined || high === undefined ? undefined : { low, high };
}

function isTrained(dtype: string): dtype is TrainedType {
  return Object.hasOwn(TRAINED_TYPES, dtype);
}

function outerEdges(edges: Edges, edgesAt: Weight['edgesAt']): Edges[] {
  const outer: Edges[] = [];
  for (let scope = edges.scope.parent; scope !== undefined; scope = scope.parent) outer.push(edgesAt(scope));
  return outer;
}

