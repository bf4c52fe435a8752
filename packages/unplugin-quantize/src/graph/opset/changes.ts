import type { NodeProto } from '../../onnx/index.ts';
import { listToInput } from './adapters/axes-to-input.ts';
import { clipBoundsToInputs } from './adapters/clip.ts';
import { dropoutWithoutMask } from './adapters/dropout.ts';
import { padListsToInputs } from './adapters/pad.ts';
import { resizeCoordinates, upsampleToResize } from './adapters/resize.ts';
import { sliceListsToInputs } from './adapters/slice.ts';
import { softmaxOverOneAxis } from './adapters/softmax.ts';
import { topKCountToInput } from './adapters/top-k.ts';
import type { Adapter } from './context.ts';

/** Nodes whose form did not change in a way that an old model could show: more element types, negative axes, new attributes with the old behaviour as default. */
const same = 'same';

function renamed(opType: string): Adapter {
  return (node: NodeProto) => {
    node.opType = opType;
    return [node];
  };
}

/** For each opset the operators that changed there, and how a node of the opset before is brought along. */
const CHANGES: Record<number, Record<string, Adapter | typeof same>> = {
  10: {
    ...sameFor('AveragePool MaxPool'),
    Dropout: dropoutWithoutMask,
    Slice: sliceListsToInputs,
    TopK: topKCountToInput,
    Upsample: upsampleToResize,
  },
  11: {
    ...sameFor(`ArgMax ArgMin AveragePool Compress Concat Constant Conv ConvTranspose DepthToSpace Equal Flatten Gather Gemm Hardmax If
      LogSoftmax Loop LpPool MaxPool MaxUnpool NonMaxSuppression OneHot ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
      ReduceMin ReduceProd ReduceSum ReduceSumSquare Scan Slice Softmax Split Squeeze TopK Unsqueeze`),
    Clip: clipBoundsToInputs,
    Pad: padListsToInputs,
    Resize: resizeCoordinates,
    Scatter: renamed('ScatterElements'),
  },
  12: {
    ...sameFor('ArgMax ArgMin Clip Constant GatherND Max MaxPool Min Pow ReduceMax ReduceMin'),
    Dropout: dropoutWithoutMask,
  },
  13: {
    ...sameFor(`Abs Add ArgMax ArgMin Cast Ceil Clip Concat Constant DepthToSpace DequantizeLinear Div Dropout Equal Erf Exp Expand Flatten
      Floor Gather GatherElements GatherND Gemm Greater Identity If IsNaN LRN Less Log Loop MatMul Max Mean MeanVarianceNormalization Min Mod
      Mul Neg NegativeLogLikelihoodLoss NonZero Pad Pow QuantizeLinear Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
      ReduceMean ReduceMin ReduceProd ReduceSumSquare Relu Reshape Resize ScatterElements ScatterND Shape Sigmoid Sign Size Slice
      SoftmaxCrossEntropyLoss SpaceToDepth Sqrt Sub Sum Tanh Tile Transpose`),
    Hardmax: softmaxOverOneAxis,
    LogSoftmax: softmaxOverOneAxis,
    Softmax: softmaxOverOneAxis,
    ReduceSum: listToInput('axes'),
    Split: listToInput('split'),
    Squeeze: listToInput('axes'),
    Unsqueeze: listToInput('axes'),
  },
};

/** How a node of opset `version - 1` becomes one of `version`; undefined where the operator changed and no way is known. */
export function changeAt(version: number, opType: string): Adapter | typeof same | undefined {
  const changes = CHANGES[version] ?? {};
  return Object.hasOwn(changes, opType) ? changes[opType] : undefined;
}

function sameFor(operators: string): Record<string, typeof same> {
  return Object.fromEntries(operators.split(/\s+/).map((name) => [name, same]));
}
