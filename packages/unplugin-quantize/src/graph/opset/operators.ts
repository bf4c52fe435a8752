/** The range of default-domain opsets that conversion covers. */
export const OLDEST = 9;
export const NEWEST = 13;

/**
 * All operators of the standard's domain up to opset 13, by the opsets at which they came or changed; 9 stands for 9 or before.
 * Checked against the schemas of the onnx package by operators.test.ts.
 */
const GROUPS: readonly (readonly [versions: readonly number[], operators: string])[] = [
  [[9], `Acos Acosh And Asin Asinh Atan Atanh BatchNormalization ConstantOfShape Cos Cosh Elu EyeLike GRU GlobalAveragePool GlobalLpPool
    GlobalMaxPool HardSigmoid InstanceNormalization LSTM LeakyRelu LpNormalization MaxRoiPool Multinomial Not Or PRelu RNN RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike Selu Shrink Sin Sinh Softplus Softsign Tan TfIdfVectorizer Where Xor`],
  [[9, 10], 'Upsample'],
  [[9, 10, 11], 'AveragePool TopK'],
  [[9, 10, 11, 12], 'MaxPool'],
  [[9, 10, 11, 13], 'Slice'],
  [[9, 10, 12, 13], 'Dropout'],
  [[9, 11], 'Compress Conv ConvTranspose LpPool MaxUnpool OneHot Scan Scatter'],
  [[9, 11, 12, 13], 'ArgMax ArgMin Clip Constant ReduceMax ReduceMin'],
  [[9, 11, 13], `Concat DepthToSpace Equal Flatten Gather Gemm Hardmax If LogSoftmax Loop Pad ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMean ReduceProd ReduceSum ReduceSumSquare Softmax Split Squeeze Unsqueeze`],
  [[9, 12, 13], 'Max Min Pow'],
  [[9, 13], `Abs Add Cast Ceil Div Erf Exp Expand Floor Greater Identity IsNaN LRN Less Log MatMul Mean MeanVarianceNormalization Mul Neg
    NonZero Reciprocal Relu Reshape Shape Sigmoid Sign Size SpaceToDepth Sqrt Sub Sum Tanh Tile Transpose`],
  [[10], 'ConvInteger IsInf MatMulInteger QLinearConv QLinearMatMul ReverseSequence RoiAlign StringNormalizer ThresholdedRelu'],
  [[10, 11], 'NonMaxSuppression'],
  [[10, 11, 13], 'Resize'],
  [[10, 13], 'DequantizeLinear Mod QuantizeLinear'],
  [[11], `BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear Range Round SequenceAt SequenceConstruct SequenceEmpty SequenceErase
    SequenceInsert SequenceLength SplitToSequence Unique`],
  [[11, 12, 13], 'GatherND'],
  [[11, 13], 'GatherElements ScatterElements ScatterND'],
  [[12], 'Celu Einsum GreaterOrEqual LessOrEqual'],
  [[12, 13], 'NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss'],
];

/** Operators that the standard took back, and the first opset without them. */
export const REMOVED: ReadonlyMap<string, number> = new Map([['Upsample', 10], ['Scatter', 11]]);

export const OPERATORS: ReadonlyMap<string, readonly number[]> = new Map(
  GROUPS.flatMap(([versions, operators]) => operators.split(/\s+/).map((name) => [name, versions] as const)),
);

/** True when an opset has the operator. */
export function hasOperator(opType: string, version: number): boolean {
  const first = OPERATORS.get(opType)?.[0];
  return first !== undefined && first <= version && version < (REMOVED.get(opType) ?? Infinity);
}
