import { sameDomain, type NodeProto } from '../../onnx/index.ts';

/** How many inputs an operator needs, by position from the first, and how many outputs it has at most; over all opsets from 9. */
type Arity = readonly [inputs: number, outputs: number];

const MANY = Infinity;

/** The standard's operators that passes and schemes rewrite, remove or compute (ONNX operator specifications). */
const ARITIES: Record<string, Arity> = {
  Add: [2, 1], Sub: [2, 1], Mul: [2, 1], Div: [2, 1], Pow: [2, 1], Where: [3, 1], Concat: [1, 1], Sum: [1, 1],
  MatMul: [2, 1], Gemm: [2, 1], Conv: [2, 1], ConvTranspose: [2, 1], ConvInteger: [2, 1], MatMulInteger: [2, 1],
  LSTM: [3, 3], GRU: [3, 2], RNN: [3, 2], BatchNormalization: [5, 5],
  Gather: [2, 1], GatherElements: [2, 1], GatherND: [2, 1], Scatter: [3, 1], ScatterElements: [3, 1], ScatterND: [3, 1],
  Transpose: [1, 1], Reshape: [2, 1], Squeeze: [1, 1], Unsqueeze: [1, 1], Flatten: [1, 1], Slice: [1, 1], Split: [1, MANY], Expand: [2, 1], Tile: [2, 1], Pad: [1, 1],
  Identity: [1, 1], Dropout: [1, 2], Cast: [1, 1], Constant: [0, 1], ConstantOfShape: [1, 1], Shape: [1, 1], Range: [3, 1],
  Clip: [1, 1], Relu: [1, 1], Softmax: [1, 1], LogSoftmax: [1, 1], Hardmax: [1, 1], TopK: [1, 2], Resize: [1, 1], Upsample: [2, 1],
  QuantizeLinear: [2, 1], DequantizeLinear: [2, 1], DynamicQuantizeLinear: [1, 3],
};

/** What is wrong with the number of a node's inputs or outputs, or undefined. */
export function arityProblem({ domain, opType, input, output }: NodeProto): string | undefined {
  if (!sameDomain(domain, '') || !Object.hasOwn(ARITIES, opType)) return undefined;
  const [inputs, outputs] = ARITIES[opType]!;
  for (let index = 0; index < inputs; index++) if ((input[index] ?? '') === '') return `A ${opType} lacks input ${index}.`;
  if (output.length > outputs) return `A ${opType} has ${output.length} outputs; ${outputs} is the most.`;
  return undefined;
}
