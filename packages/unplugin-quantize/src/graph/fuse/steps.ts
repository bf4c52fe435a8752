import type { NodeProto, Tensor } from '../../onnx/index.ts';
import { readPayload } from '../../onnx/index.ts';
import { floatAttribute, intAttribute } from '../attributes.ts';
import { isOperator } from '../scope.ts';
import type { Affine } from './affine.ts';
import { identity } from './affine.ts';
import type { Linear } from './linear.ts';

/** The float32 tensor of a constant that a name stands for. */
export type FloatConstant = (name: string) => Tensor | undefined;

/** What a node does to each channel of the value that it reads at `index`, where that is one multiplication and one addition. */
export function affineOf(node: NodeProto, index: number, linear: Linear, constant: FloatConstant): Affine | undefined {
  if (isOperator(node, 'BatchNormalization')) return index === 0 ? batchNormalization(node, linear.channels, constant) : undefined;
  return isOperator(node, 'Add', 'Sub', 'Mul', 'Div') ? arithmetic(node, index, linear, constant) : undefined;
}

/** Y = (X - mean) / sqrt(var + epsilon) * scale + B, from the running figures (ONNX BatchNormalization, opset 9 and above). */
function batchNormalization(node: NodeProto, channels: number, constant: FloatConstant): Affine | undefined {
  if (intAttribute(node, 'training_mode', 0) !== 0 || node.output.slice(1).some((name) => name !== '')) return undefined;
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((input) => channelValues(constant(node.input[input] ?? ''), channels, 0));
  if (scale === undefined || bias === undefined || mean === undefined || variance === undefined) return undefined;
  const epsilon = floatAttribute(node, 'epsilon', Math.fround(1e-5));
  const factors = scale.map((value, i) => value / Math.sqrt(variance[i]! + epsilon));
  return { scale: factors, offset: bias.map((value, i) => value - mean[i]! * factors[i]!) };
}

/** Add, Sub, Mul, Div with a constant that has one value, or one for each channel. */
function arithmetic(node: NodeProto, index: number, { channels, trailing }: Linear, constant: FloatConstant): Affine | undefined {
  const values = channelValues(constant(node.input[1 - index] ?? ''), channels, trailing);
  if (values === undefined) return undefined;
  const { scale, offset } = identity(channels);
  switch (node.opType) {
    case 'Add':
      return { scale, offset: values };
    case 'Mul':
      return { scale: values, offset };
    case 'Sub':
      return index === 0 ? { scale, offset: values.map((value) => -value) } : { scale: scale.fill(-1), offset: values };
    default:
      return index === 0 ? { scale: values.map((value) => 1 / value), offset } : undefined;
  }
}

/** The values of a constant that broadcasts along the channels alone: all its dims are 1 but that of the channels. */
export function channelValues(tensor: Tensor | undefined, channels: number, trailing: number): Float64Array | undefined {
  if (tensor === undefined) return undefined;
  const { dims } = tensor;
  const axis = dims.length - 1 - trailing;
  // A batch axis, of length 1, may come before the channels; more axes would give the result more dims.
  if (axis > 1 || dims.some((dim, at) => dim !== 1 && !(at === axis && dim === channels))) return undefined;
  const values = new Float32Array(readPayload(tensor).buffer);
  return values.length === channels ? Float64Array.from(values) : new Float64Array(channels).fill(values[0]!);
}
