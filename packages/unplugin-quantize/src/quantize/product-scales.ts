import type { Tensor } from '../onnx/index.ts';
import { ceilToHalf, quantizeWithScales, symmetricScales, type QuantizedTensor, type QuantType } from './affine.ts';
import { channelLayout } from './float-chunks.ts';

/** Below this many channels the node that widens float16 scales takes more bytes than they save. */
const MIN_CHANNELS = 64;
/** The smallest float16 with the precision of all larger ones; scales below it stay float32. */
const SMALLEST_NORMAL_HALF = 2 ** -14;

/**
 * Symmetric quantization of a product's weight with a scale for each output channel, which are computed at once. Scales are float16 where that saves
 * bytes and all of them are in its range: they are rounded up before the weight is divided by them, which makes steps at most 2^-10 wider.
 *
 * @throws QuantizeError MODEL_INVALID when a weight is NaN or infinite
 */
export function quantizeProduct(tensor: Tensor, axis: number, type: QuantType, name: string): QuantizedTensor {
  const exact = symmetricScales(tensor, channelLayout(tensor.dims, axis), type, name);
  const halves = exact.length < MIN_CHANNELS ? undefined : halfScales(exact);
  const scales = halves ?? exact;
  return quantizeWithScales(tensor, axis, type, () => scales, halves === undefined ? 'float32' : 'float16');
}

function halfScales(exact: Float32Array): Float32Array | undefined {
  const halves = exact.map(ceilToHalf);
  return exact.every((scale, i) => scale >= SMALLEST_NORMAL_HALF && halves[i]! < Infinity) ? halves : undefined;
}
