import { makeNode, type AttributeValue } from '../../graph/index.ts';
import { arrayTensor, elementCount, tensorProto, type GraphProto, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import type { Context } from '../context.ts';
import type { ActivationType, Parameters } from './parameters.ts';
import type { QuantizedWeight } from './product-tensors.ts';

/** Makes QuantizeLinear, DequantizeLinear and their constants for one graph; equal constants are one initializer. */
export interface Builder {
  /** A name that nothing in the model has. */
  fresh(base: string): string;
  /** A new initializer; gives its name. */
  constant(base: string, tensor: Tensor): string;
  /** A new initializer. */
  initializer(base: string, tensor: Tensor): TensorProto;
  quantize(input: string, output: string, parameters: Parameters): NodeProto;
  dequantize(input: string, output: string, parameters: Parameters): NodeProto;
  /** DequantizeLinear of a weight or bias around zero. An absent zero point is zero too, but onnxruntime fuses matrices only with one. */
  dequantizeSymmetric(input: string, output: string, scale: string, axis: number | undefined, zeroPoint?: string): NodeProto;
  /** The name of int8 zeros of a shape. */
  zeros(dims: readonly number[]): string;
  /** The name of input scale times weight scale, and the node that computes it where that is smaller than the numbers: engines fold it. */
  productScale(inputScale: number, weightScale: string, weight: QuantizedWeight, base: string): { name: string; nodes: NodeProto[] };
}

/** From this many channels on a node that multiplies is smaller than the products. */
const FOLDED_CHANNELS = 16;

/** @param graph gets the constants; nodes are the caller's to add */
export function createBuilder({ model, names }: Context, graph: GraphProto, type: ActivationType): Builder {
  const known = new Map<string, string>();
  const initializer = (base: string, tensor: Tensor): TensorProto => {
    const proto = tensorProto(model, names.fresh(base), tensor);
    graph.initializer.push(proto);
    return proto;
  };
  const constant = (base: string, tensor: Tensor): string => initializer(base, tensor).name;
  const shared = (key: string, make: () => string): string => {
    const name = known.get(key) ?? make();
    known.set(key, name);
    return name;
  };
  const scaleOf = (scale: number): string => shared(`scale ${scale}`, () => constant('scale', arrayTensor('float32', [], Float32Array.of(scale))));
  const zeroOf = (zeroPoint: number): string => shared(`zero ${zeroPoint}`, () => constant('zero_point', arrayTensor(type.dtype, [], Int8Array.of(zeroPoint))));
  const linear = (opType: string, input: string, output: string, { scale, zeroPoint }: Parameters): NodeProto =>
    makeNode(opType, [input, scaleOf(scale), zeroOf(zeroPoint)], [output]);
  return {
    fresh: (base) => names.fresh(base),
    constant,
    initializer,
    quantize: (input, output, parameters) => linear('QuantizeLinear', input, output, parameters),
    dequantize: (input, output, parameters) => linear('DequantizeLinear', input, output, parameters),
    dequantizeSymmetric(input, output, scale, axis, zeroPoint) {
      const attributes: Record<string, AttributeValue> = axis === undefined ? {} : { axis: BigInt(axis) };
      return makeNode('DequantizeLinear', [input, scale, ...(zeroPoint === undefined ? [] : [zeroPoint])], [output], attributes);
    },
    zeros: (dims) => shared(`zeros ${dims.join()}`, () => constant('zeros', arrayTensor('int8', dims, new Int8Array(elementCount(dims))))),
    productScale(inputScale, weightScale, { scaleValues, scales }, base) {
      const [length = 1] = scales.dims;
      if (length >= FOLDED_CHANNELS) {
        const name = names.fresh(`${base}_s`);
        return { name, nodes: [makeNode('Mul', [scaleOf(inputScale), weightScale], [name])] };
      }
      const products = (): Uint8Array => new Uint8Array(scaleValues().map((scale) => inputScale * scale).buffer);
      return { name: constant(`${base}_s`, { ...scales, chunks: () => [products()] }), nodes: [] };
    },
  };
}
