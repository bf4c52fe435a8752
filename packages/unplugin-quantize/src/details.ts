/** Types of the closer look at an artefact that reports show. No code lives here. */

/** How many values lie where: bins of equal width from `from` to `to`. */
export interface ValueHistogram {
  from: number;
  to: number;
  counts: number[];
}

/** What rounding did to one weight, measured between the weight as it was quantized and what the artefact holds of it. */
export interface WeightError {
  /** As in `WeightDecision`. */
  tensor: string;
  /** Names of the first nodes that read it in the source. */
  nodes: string[];
  /** Signal to quantization noise in dB, two decimals; null where every element is as before. */
  sqnr: number | null;
  maxError: number;
  /** Of the weights with the lowest sqnr: elements before, and in the same bins what the artefact holds. */
  histogram?: ValueHistogram & { stored: number[] };
}

/** An activation that samples were seen to give. */
export interface ActivationError {
  tensor: string;
  /** The range that the calibration method chose. */
  min: number;
  max: number;
  /** Signal to noise in dB, two decimals, that 256 levels over that range leave of what was seen; null where nothing is lost. */
  sqnr: number | null;
  histogram: ValueHistogram;
}

/** What a closer look at the artefact has shown. */
export interface ModelDetails {
  /** Weights in another form, in the order of the decisions. */
  weights: WeightError[];
  /** The activations that 8 bits fit worst, worst first; empty where no calibration observed any. */
  activations: ActivationError[];
}
