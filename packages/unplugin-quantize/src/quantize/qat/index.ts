import { isOperator, type Use } from '../../graph/index.ts';
import { opsetVersion } from '../../onnx/index.ts';
import type { Format } from '../../types.ts';
import { decide, undecidedWeights, type Context } from '../context.ts';
import { completeWeights } from './complete-weights.ts';
import { storeTrainedWeights } from './trained-weights.ts';

export { alreadyQuantized, quantizedPart } from './recognise.ts';

/** Formats whose arithmetic is that of a model with QuantizeLinear and DequantizeLinear: they give integers to what it lacks. */
const COMPLETING: readonly Format[] = ['int8', 'int8-dynamic', 'int8-static'];
/** DequantizeLinear has an axis since then. */
const AXIS_OPSET = 13;

/**
 * Takes over what a model says of its own quantization, before any scheme: weights that were trained for integers are stored as these,
 * weights without integers get some where their products read quantized inputs, and scales stay as they are whatever the format.
 */
export function takeOverTrained(context: Context): void {
  const { model, notes, options } = context;
  const trained = storeTrainedWeights(context);
  const completes = COMPLETING.includes(options.format) && (opsetVersion(model.proto) ?? 0) >= AXIS_OPSET;
  const completed = completes ? completeWeights(context) : 0;
  for (const weight of undecidedWeights(context)) {
    const reason = weight.uses.some(isParameter) ? 'is a scale that the model was given' : weight.uses.some(isQuantized) ? 'is quantized by the model itself' : undefined;
    if (reason !== undefined) decide(context, weight, 'kept', weight.tensor.byteLength, reason);
  }
  if (trained > 0) notes.push(`The model was trained for quantization: ${trained === 1 ? 'one weight is' : `${trained} weights are`} stored as integers with the scales and zero points of the training.`);
  if (completed > 0) notes.push(`${completed === 1 ? 'One weight' : `${completed} weights`} without integers got some, because what they are multiplied with is quantized by the model.`);
}

function isParameter({ node, index }: Use): boolean {
  return index > 0 && isOperator(node, 'QuantizeLinear', 'DequantizeLinear');
}

function isQuantized({ node, index }: Use): boolean {
  return index === 0 && isOperator(node, 'QuantizeLinear');
}
