import { findAttribute, floatAttribute, intAttribute, isOperator, stringAttribute } from '../../graph/index.ts';
import type { NodeProto } from '../../onnx/index.ts';

/**
 * What an operator is to static quantization.
 * - `product`: worth integers by itself; its inputs are quantized for it.
 * - `arithmetic`: has an integer kernel, which pays between two integer nodes.
 * - `mover`: moves elements, so that outputs have the scale and zero point of the input.
 */
export type Role = 'product' | 'arithmetic' | 'mover';

export interface StaticOperator {
  readonly role: Role;
  /** Inputs that hold activations; Infinity for all from the first on. */
  readonly activations: number;
  /** The kernel that onnxruntime's fusion of DequantizeLinear, the operator and QuantizeLinear gives; a mover stays itself. */
  readonly kernel?: string;
  /** The kernel where no QuantizeLinear follows; without one, the output has to be quantized too. */
  readonly floatKernel?: string;
  /** The axis of channels of what a product reads. */
  readonly channelAxis?: number;
  /** Forms of the operator that have no integer kernel. */
  readonly unless?: (node: NodeProto) => boolean;
}

const arithmetic = (kernel: string, activations = 1): StaticOperator => ({ role: 'arithmetic', activations, kernel });
const mover: StaticOperator = { role: 'mover', activations: 1 };

/**
 * What onnxruntime's CPU and WebAssembly kernels compute in 8-bit integers (its QDQ selectors; each row is run in operators.test.ts).
 * Relu and Clip are no rows: a range that begins at zero clips by itself, so they go into the node before them.
 */
const OPERATORS: Record<string, StaticOperator> = {
  Conv: { role: 'product', activations: 1, kernel: 'QLinearConv', channelAxis: 1 },
  MatMul: { role: 'product', activations: 2, kernel: 'QLinearMatMul', floatKernel: 'MatMulIntegerToFloat', channelAxis: -1 },
  Gemm: { role: 'product', activations: 1, kernel: 'QGemm', floatKernel: 'QGemm', channelAxis: -1, unless: (node) => !isPlain(node) },
  Add: arithmetic('QLinearAdd', 2),
  Mul: arithmetic('QLinearMul', 2),
  AveragePool: { ...arithmetic('QLinearAveragePool'), unless: (node) => findAttribute(node, 'dilations') !== undefined },
  GlobalAveragePool: arithmetic('QLinearGlobalAveragePool'),
  LeakyRelu: arithmetic('QLinearLeakyRelu'),
  Sigmoid: arithmetic('QLinearSigmoid'),
  Softmax: arithmetic('QLinearSoftmax'),
  Concat: arithmetic('QLinearConcat', Infinity),
  MaxPool: { ...mover, unless: ({ output }) => (output[1] ?? '') !== '' },
  Reshape: mover, Flatten: mover, Transpose: mover, Squeeze: mover, Unsqueeze: mover, Slice: mover, Split: mover, Expand: mover, Tile: mover,
  Gather: mover, GatherElements: mover, DepthToSpace: mover,
  Resize: { ...mover, unless: (node) => stringAttribute(node, 'mode', 'nearest') !== 'nearest' },
};

/** The row of a node's operator; undefined where it stays float. */
export function staticOperator(node: NodeProto): StaticOperator | undefined {
  const row = isOperator(node, node.opType) && Object.hasOwn(OPERATORS, node.opType) ? OPERATORS[node.opType] : undefined;
  return row?.unless?.(node) === true ? undefined : row;
}

/** Gemm(A, B, C) = A B + C or A Bᵀ + C, which is what exporters write. */
function isPlain(node: NodeProto): boolean {
  const hasBias = (node.input[2] ?? '') !== '';
  return floatAttribute(node, 'alpha', 1) === 1 && intAttribute(node, 'transA', 0) === 0 && (!hasBias || floatAttribute(node, 'beta', 1) === 1);
}

/** A convolution whose channels do not see each other, or only few of them. */
export function isDepthwise(node: NodeProto): boolean {
  return isOperator(node, 'Conv') && intAttribute(node, 'group', 1) > 1;
}
