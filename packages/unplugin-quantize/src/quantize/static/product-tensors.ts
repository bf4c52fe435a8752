import { arrayTensor, elementCount, type Tensor } from '../../onnx/index.ts';
import { quantizeWithScales, symmetricScales, type QuantType } from '../affine.ts';
import { channelLayout, wholeFloats } from '../float-chunks.ts';
import { meanShift, roundedShift, type WeightGeometry } from '../repair/bias-correction.ts';
import { roundWithFeedback } from '../repair/reconstruct.ts';
import { roundHalfEven } from './parameters.ts';

/** A weight that products read. */
export interface QuantizedWeight {
  /** int8, of the weight's shape. */
  readonly values: Tensor;
  /** float32 [channels], or [] where all channels share one. */
  readonly scales: Tensor;
  readonly channels: number;
  readonly isPerChannel: boolean;
  /** The scales as numbers; they are computed when they are first asked for. */
  scaleValues(): Float32Array;
  /** The mean that rounding adds to each output channel. */
  shift(geometry: WeightGeometry, mean: Float64Array): Float64Array;
}

/** One product's part in the choice of its weight's scales. */
export interface BiasUse {
  readonly inputScale: number;
  readonly bias: Tensor | undefined;
}

const INT32_MAX = 2 ** 31 - 1;
/** Head-room of a raised scale (onnxruntime.quantization, qdq_quantizer.py). */
const HEADROOM = 1.0001;

/**
 * A weight in symmetric integers, with one scale for each output channel or one for all. A scale is raised where a bias would not fit into
 * int32 otherwise (onnxruntime.quantization, _adjust_weight_scale_for_int32_bias).
 *
 * @param findFactor what samples told of the inputs: the weight is rounded by what that does to the outputs then
 */
export function quantizeProductWeight(
  tensor: Tensor, axis: number, { type, isPerChannel, name }: { type: QuantType; isPerChannel: boolean; name: string }, uses: readonly BiasUse[],
  findFactor?: () => Float64Array | undefined,
): QuantizedWeight {
  const channels = tensor.dims[axis]!;
  const scaleAxis = isPerChannel ? axis : undefined;
  let known: Float32Array | undefined;
  const scaleValues = (): Float32Array => {
    if (known !== undefined) return known;
    known = symmetricScales(tensor, channelLayout(tensor.dims, scaleAxis), type, name);
    for (const use of uses) raiseForBias(known, use);
    return known;
  };
  const { values, scales } = quantizeWithScales(tensor, scaleAxis, type, scaleValues);
  const common = { scales: isPerChannel ? scales : { ...scales, dims: [] }, channels, isPerChannel, scaleValues };
  if (findFactor !== undefined) return { ...common, ...reconstructedWeight(values, tensor, axis, type, scaleValues, findFactor) };
  return {
    ...common, values,
    shift: (geometry, mean) => meanShift(tensor, geometry, scaleValues(), mean, type.max, channels),
  };
}

/** Values that are rounded once, when they or their bias is first read, and kept: a quarter of the weight. */
function reconstructedWeight(
  values: Tensor, tensor: Tensor, axis: number, type: QuantType, scaleValues: () => Float32Array, findFactor: () => Float64Array | undefined,
): Pick<QuantizedWeight, 'values' | 'shift'> {
  const outputs = tensor.dims[axis]!;
  const inputs = elementCount(tensor.dims) / outputs;
  let known: Int8Array | undefined;
  const round = (factor: Float64Array | undefined): Int8Array =>
    factor === undefined ? wholeInt8(values) : roundWithFeedback(tensor, { outputs, inputs, isTransposed: axis !== 0 }, scaleValues(), type.max, factor);
  const rounded = (): Int8Array => (known ??= round(findFactor()));
  return {
    values: { ...values, chunks: () => [new Uint8Array(rounded().buffer)] },
    shift: (geometry, mean) => roundedShift(tensor, geometry, rounded(), scaleValues(), mean, outputs),
  };
}

function wholeInt8(tensor: Tensor): Int8Array {
  const whole = new Uint8Array(tensor.byteLength);
  let at = 0;
  for (const chunk of tensor.chunks()) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return new Int8Array(whole.buffer);
}

function raiseForBias(scales: Float32Array, { inputScale, bias }: BiasUse): void {
  if (bias === undefined) return;
  const raise = (channel: number, value: number): void => {
    const [needed, found] = [(HEADROOM * Math.abs(value)) / INT32_MAX, inputScale * scales[channel]!];
    if (found < needed && found > 0) scales[channel] = scales[channel]! * (needed / found);
  };
  const values = wholeFloats(bias);
  if (scales.length === 1) raise(0, values.reduce((max, value) => Math.max(max, Math.abs(value)), 0));
  else values.forEach((value, channel) => raise(channel, value));
}

/**
 * The scale and values of a product's bias: int32 with the scale of the input times that of the weight, in float32; value =
 * round_half_even(bias / scale) in float64 (onnxruntime.quantization, quantize_bias_static_impl).
 *
 * @param bias none counts as zeros
 * @param shift subtracted from the bias first
 */
export function quantizeBias(bias: Tensor | undefined, inputScale: number, weight: QuantizedWeight, shift: (() => Float64Array) | undefined): Tensor {
  const { channels, scaleValues } = weight;
  return {
    dtype: 'int32', dims: [channels], byteLength: 4 * channels,
    chunks() {
      const scales = scaleValues();
      const moved = shift?.();
      const values = bias === undefined ? new Float32Array(channels) : wholeFloats(bias);
      const integers = Int32Array.from(values, (value, channel) => {
        const scale = Math.fround(inputScale * scales[scales.length === 1 ? 0 : channel]!);
        const real = moved === undefined ? value : Math.fround(value - moved[channel]!);
        // A scale can only vanish where the bias has: otherwise it was raised.
        return scale === 0 ? 0 : Math.max(-(2 ** 31), Math.min(INT32_MAX, roundHalfEven(real / scale)));
      });
      return [new Uint8Array(integers.buffer)];
    },
  };
}

/** A float32 bias with the shift subtracted. */
export function correctedBias(bias: Tensor, shift: () => Float64Array): Tensor {
  return {
    dtype: 'float32', dims: bias.dims, byteLength: bias.byteLength,
    chunks() {
      const moved = shift();
      return arrayTensor('float32', bias.dims, wholeFloats(bias).map((value, channel) => value - moved[channel]!)).chunks();
    },
  };
}
