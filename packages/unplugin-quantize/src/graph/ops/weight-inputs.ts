import { sameDomain, type NodeProto } from '../../onnx/index.ts';
import { intAttribute } from '../attributes.ts';

/** An input that holds trained weights, and the axis along which each slice feeds one output channel. */
interface WeightInput {
  readonly index: number;
  axis(node: NodeProto, rank: number): number;
}

const first = (): number => 0;
const second = (): number => 1;
const last = (_: NodeProto, rank: number): number => rank - 1;
const beforeLast = (_: NodeProto, rank: number): number => rank - 2;

/** Where the standard's operators keep weights (ONNX operator specifications). */
const WEIGHT_INPUTS: Record<string, readonly WeightInput[]> = {
  Conv: [{ index: 1, axis: first }],
  ConvTranspose: [{ index: 1, axis: second }],
  MatMul: [{ index: 1, axis: last }, { index: 0, axis: beforeLast }],
  Gemm: [
    { index: 1, axis: (node) => (intAttribute(node, 'transB', 0) === 0 ? 1 : 0) },
    { index: 0, axis: (node) => (intAttribute(node, 'transA', 0) === 0 ? 0 : 1) },
  ],
  Gather: [{ index: 0, axis: (node, rank) => (intAttribute(node, 'axis', 0) + rank) % rank }],
  // W and R are [directions, gates x hidden, input]: one scale for each row of a gate.
  LSTM: [{ index: 1, axis: second }, { index: 2, axis: second }],
  GRU: [{ index: 1, axis: second }, { index: 2, axis: second }],
  RNN: [{ index: 1, axis: second }, { index: 2, axis: second }],
  // A transposed weight is read by a product next; rows become columns.
  Transpose: [{ index: 0, axis: first }],
};

/** Where operators of com.microsoft keep weights (onnxruntime, docs/ContribOperators.md). */
const OWN_WEIGHT_INPUTS: Record<string, readonly WeightInput[]> = {
  Attention: [{ index: 1, axis: last }],
  FusedMatMul: [{ index: 1, axis: last }],
  FusedConv: [{ index: 1, axis: first }],
};

/** The channel axis of a weight of `rank` that `node` reads as input `index`, or undefined where that input holds no weight. */
export function weightAxis(node: NodeProto, index: number, rank: number): number | undefined {
  const known = sameDomain(node.domain, '') ? WEIGHT_INPUTS : node.domain === 'com.microsoft' ? OWN_WEIGHT_INPUTS : {};
  // A hostile file may call an operator 'constructor'.
  const found = Object.hasOwn(known, node.opType) ? known[node.opType]!.find((input) => input.index === index) : undefined;
  const axis = found?.axis(node, rank);
  return axis !== undefined && axis >= 0 && axis < rank ? axis : undefined;
}
