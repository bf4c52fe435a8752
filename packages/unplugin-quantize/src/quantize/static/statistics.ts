import type { ValueHistogram } from '../../types.ts';
import type { HessianSource } from '../gptq/hessian.ts';

/** A value of the model that has to be watched while samples run. */
export interface Tap {
  /** The key of the value and of its statistics (`valueKey`), and the output of the observing model that hands it out. */
  name: string;
  /** Where the output is the largest of -x, the largest of x, and 1 where an x is NaN: of a value in a Loop or Scan, over its iterations; -Infinity twice where it ran not once. */
  isReduced?: true;
  /** The axis along which figures of each channel are wanted too: 1 for images in NCHW, -1 for what products read; null for none. */
  channelAxis: number | null;
}

/** What samples told of one value. */
export interface TensorStatistics {
  /** The range that the calibration method chose; a value beyond it is clipped. */
  min: number;
  max: number;
  /** Figures of each channel along the tap's axis, over all samples and whatever the method. */
  channels?: { min: Float32Array; max: Float32Array; mean: Float64Array };
  /** Elements that the value has in one run, averaged over the samples: what the estimate of work starts from. */
  elements?: number;
  /** For the report: how the values lie, and the signal to noise in dB that 256 levels over the range leave of them. */
  distribution?: { histogram: ValueHistogram; sqnr: number | null };
}

/** Statistics by the name of the tap. */
export type Statistics = ReadonlyMap<string, TensorStatistics>;

/** What samples told of a model before it is quantized. */
export interface Observed {
  /** Of the inputs of products, for GPTQ (`observeSource`). */
  hessians?: HessianSource;
  /** Of activations, for static quantization (`observeActivations`). */
  statistics?: Statistics;
}
