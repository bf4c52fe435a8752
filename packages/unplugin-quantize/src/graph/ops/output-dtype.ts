import { dtypeOf, TensorProto_DataType as Code, type DType, type NodeProto } from '../../onnx/index.ts';
import { findAttribute, intAttribute } from '../attributes.ts';

/** The element type of each output, given those of the inputs; undefined where it cannot be told. */
type Rule = (node: NodeProto, inputs: readonly (DType | undefined)[], output: number) => DType | undefined;

const same: Rule = (_, inputs) => inputs[0];
const input = (index: number): Rule => (_, inputs) => inputs[index];
const always = (...types: DType[]): Rule => (_, __, output) => types[Math.min(output, types.length - 1)];
const sameThen = (second: DType): Rule => (_, inputs, output) => (output === 0 ? inputs[0] : second);
const attribute = (name: string, fallback: Code): Rule => (node) => dtypeOf(intAttribute(node, name, fallback));
const likeOrAttribute: Rule = (node, inputs) => (findAttribute(node, 'dtype') === undefined ? inputs[0] : dtypeOf(intAttribute(node, 'dtype', 0)));
const tensorAttribute: Rule = (node) => {
  const value = findAttribute(node, 'value')?.t;
  return value === undefined ? 'float32' : dtypeOf(value.dataType);
};
/** The short forms of Constant since opset 12. */
const CONSTANT_FORMS: Record<string, DType> = { value_int: 'int64', value_ints: 'int64', value_float: 'float32', value_floats: 'float32', value_string: 'string', value_strings: 'string' };
const constant: Rule = (node) => {
  const [form] = node.attribute;
  return dtypeOf(form?.t?.dataType ?? form?.sparseTensor?.values?.dataType ?? 0) ?? CONSTANT_FORMS[form?.name ?? ''];
};
const unknown: Rule = () => undefined;

/** Operators of the standard's domain whose outputs do not simply have the type of the first input (ONNX operator specifications). */
const RULES: Record<string, Rule> = {
  Cast: attribute('to', Code.UNDEFINED), CastLike: input(1), BitCast: attribute('to', Code.UNDEFINED),
  Shape: always('int64'), Size: always('int64'), NonZero: always('int64'), ArgMax: always('int64'), ArgMin: always('int64'),
  NonMaxSuppression: always('int64'),
  Equal: always('bool'), Greater: always('bool'), GreaterOrEqual: always('bool'), Less: always('bool'), LessOrEqual: always('bool'),
  And: always('bool'), Or: always('bool'), Xor: always('bool'), Not: always('bool'), IsNaN: always('bool'), IsInf: always('bool'),
  Constant: constant, ConstantOfShape: tensorAttribute,
  EyeLike: likeOrAttribute, RandomNormalLike: likeOrAttribute, RandomUniformLike: likeOrAttribute, Bernoulli: likeOrAttribute,
  RandomNormal: attribute('dtype', Code.FLOAT), RandomUniform: attribute('dtype', Code.FLOAT), Multinomial: attribute('dtype', Code.INT32),
  HannWindow: attribute('output_datatype', Code.FLOAT), HammingWindow: attribute('output_datatype', Code.FLOAT),
  BlackmanWindow: attribute('output_datatype', Code.FLOAT), MelWeightMatrix: attribute('output_datatype', Code.FLOAT),
  QuantizeLinear: (_, inputs) => inputs[2] ?? 'uint8', DequantizeLinear: input(1), DynamicQuantizeLinear: always('uint8', 'float32', 'uint8'),
  MatMulInteger: always('int32'), ConvInteger: always('int32'), QLinearMatMul: input(7), QLinearConv: input(7),
  Where: input(1), OneHot: input(2),
  TopK: sameThen('int64'), MaxPool: sameThen('int64'), Unique: sameThen('int64'), Dropout: sameThen('bool'), StringSplit: sameThen('int64'),
  StringNormalizer: always('string'), TfIdfVectorizer: always('float32'), LabelEncoder: unknown, RegexFullMatch: always('bool'),
  If: unknown, Loop: unknown, Scan: unknown, SequenceMap: unknown, Optional: unknown, OptionalGetElement: unknown,
  OptionalHasElement: always('bool'), SequenceLength: always('int64'), SequenceAt: unknown, SequenceConstruct: unknown, SequenceEmpty: unknown,
  SequenceInsert: unknown, SequenceErase: unknown, SplitToSequence: unknown, ConcatFromSequence: unknown, ImageDecoder: always('uint8'),
};

/** The same for onnxruntime's own operators that formats add (docs/ContribOperators.md). */
const OWN_RULES: Record<string, Rule> = { MatMulNBits: same, GatherBlockQuantized: input(2) };

/** The element type of output `output` of a node, or undefined where it cannot be told from the operator alone. */
export function outputDtype(node: NodeProto, inputs: readonly (DType | undefined)[], output: number): DType | undefined {
  const standard = node.domain === '' || node.domain === 'ai.onnx';
  if (standard) return (Object.hasOwn(RULES, node.opType) ? RULES[node.opType]! : same)(node, inputs, output);
  return node.domain === 'com.microsoft' && Object.hasOwn(OWN_RULES, node.opType) ? OWN_RULES[node.opType]!(node, inputs, output) : undefined;
}
