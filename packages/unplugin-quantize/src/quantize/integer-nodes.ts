import { makeNode, type Names } from '../graph/index.ts';
import { dtypeCode, type NodeProto } from '../onnx/index.ts';

/** The initializers that stand for one quantized weight. */
export interface IntegerWeight {
  values: string;
  /** Shaped for the product, or, for `rows`, of [rows, 1...]. */
  scale: string;
  /** The scale is float16; it always is for `rows`. */
  isHalf: boolean;
  /** A Gather reads it row by row. */
  rows: boolean;
  rank: number;
}

/** What the nodes of one graph share. */
export interface IntegerNodes {
  names: Names;
  /** Quantized forms of activations by name: values, scale, zero point. Products that read one activation share them. */
  activations: Map<string, string[]>;
  /** The name of a scalar uint8 128. */
  convZeroPoint(): string;
  /** The name of a new int64 list. */
  addInts(base: string, values: number[]): string;
}

const FLOAT = BigInt(dtypeCode('float32'));

/** The shape that onnxruntime's MatMulIntegerToFloat and DynamicQuantizeMatMul fusions look for. */
export function integerMatMul(nodes: IntegerNodes, node: NodeProto, weight: IntegerWeight): NodeProto[] {
  const { quantize, values, scale, zeroPoint } = quantizeActivation(nodes, node.input[0]!);
  const output = node.output[0]!;
  const product = nodes.names.fresh(`${output}_i`);
  const columns = channelScale(nodes, weight);
  const multiply = makeNode('MatMulInteger', [values, weight.values, zeroPoint], [product], {}, { name: node.name });
  return [...quantize, ...columns.nodes, multiply, ...rescale(nodes, product, scale, columns.scale, output)];
}

/** Padding is done with the activation's zero point (ONNX ConvInteger), so zeros stay zeros. */
export function integerConv(nodes: IntegerNodes, node: NodeProto, weight: IntegerWeight): NodeProto[] {
  const { quantize, values, scale, zeroPoint } = quantizeActivation(nodes, node.input[0]!);
  const output = node.output[0]!;
  const product = nodes.names.fresh(`${output}_i`);
  const convolve = makeNode('ConvInteger', [values, weight.values, zeroPoint, nodes.convZeroPoint()], [product], {}, { name: node.name });
  convolve.attribute = node.attribute;
  const channels = channelScale(nodes, weight);
  const bias = node.input[2] ?? '';
  if (bias === '') return [...quantize, ...channels.nodes, convolve, ...rescale(nodes, product, scale, channels.scale, output)];
  const scaled = nodes.names.fresh(`${output}_f`);
  const column = nodes.names.fresh(`${bias}_c`);
  const shape = nodes.addInts('bias_shape', [-1, ...Array<number>(weight.rank - 2).fill(1)]);
  return [
    ...quantize, ...channels.nodes, convolve, ...rescale(nodes, product, scale, channels.scale, scaled),
    makeNode('Reshape', [bias, shape], [column]), makeNode('Add', [scaled, column], [output]),
  ];
}

/** Rows and their scales are gathered side by side, so that only the rows that are read are ever unpacked. */
export function integerGather({ names }: IntegerNodes, node: NodeProto, weight: IntegerWeight): NodeProto[] {
  const output = node.output[0]!;
  const [rows, floats, halves, scales] = [names.fresh(`${output}_q`), names.fresh(`${output}_f`), names.fresh(`${output}_h`), names.fresh(`${output}_s`)];
  const gather = makeNode('Gather', [weight.values, node.input[1]!], [rows], {}, { name: node.name });
  const gatherScales = makeNode('Gather', [weight.scale, node.input[1]!], [halves]);
  gather.attribute = node.attribute;
  gatherScales.attribute = node.attribute;
  return [
    gather, gatherScales,
    makeNode('Cast', [rows], [floats], { to: FLOAT }), makeNode('Cast', [halves], [scales], { to: FLOAT }),
    makeNode('Mul', [floats, scales], [output]),
  ];
}

/** A transposed weight: rows become columns, their scales stay. onnxruntime folds the node at load. */
export function integerTranspose({ names }: IntegerNodes, weight: IntegerWeight): { node: NodeProto; weight: IntegerWeight } {
  const values = names.fresh(`${weight.values}_t`);
  return { node: makeNode('Transpose', [weight.values], [values], { perm: [1, 0] }), weight: { ...weight, values } };
}

function quantizeActivation({ names, activations }: IntegerNodes, input: string): { quantize: NodeProto[]; values: string; scale: string; zeroPoint: string } {
  const known = activations.get(input);
  const all = known ?? [names.fresh(`${input}_q`), names.fresh(`${input}_s`), names.fresh(`${input}_z`)];
  activations.set(input, all);
  const [values, scale, zeroPoint] = all as [string, string, string];
  return { quantize: known === undefined ? [makeNode('DynamicQuantizeLinear', [input], all)] : [], values, scale, zeroPoint };
}

/** The scales as a product wants them: float32, and of [columns] where a Gather reads them too, as float16 of [rows, 1]. */
function channelScale({ names, addInts }: IntegerNodes, { scale: stored, isHalf, rows }: IntegerWeight): { nodes: NodeProto[]; scale: string } {
  if (!isHalf) return { nodes: [], scale: stored };
  const halves = rows ? names.fresh(`${stored}_h`) : stored;
  const scale = names.fresh(`${stored}_c`);
  const reshape = rows ? [makeNode('Reshape', [stored, addInts('column_shape', [-1])], [halves])] : [];
  return { nodes: [...reshape, makeNode('Cast', [halves], [scale], { to: FLOAT })], scale };
}

function rescale({ names }: IntegerNodes, product: string, activationScale: string, weightScale: string, output: string): NodeProto[] {
  const [floats, scale] = [names.fresh(`${product}_f`), names.fresh(`${product}_s`)];
  return [
    makeNode('Cast', [product], [floats], { to: FLOAT }),
    makeNode('Mul', [activationScale, weightScale], [scale]),
    makeNode('Mul', [floats, scale], [output]),
  ];
}
