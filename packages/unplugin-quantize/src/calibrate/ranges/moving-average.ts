import type { Range, Seen } from './range.ts';

/** The weight of a new run in the average, as onnxruntime's and PyTorch's observers have it. */
const WEIGHT = 0.01;

/** The average of the runs' smallest and largest values. One run that is far off hardly moves it. */
export function movingAverageRange({ average }: Seen): Range {
  return average;
}

/** Takes the extremes of a further run into the average of those before: m <- m + 0.01 (x - m). */
export function moveAverage(average: Range, { min, max }: Range): Range {
  return { min: average.min + WEIGHT * (min - average.min), max: average.max + WEIGHT * (max - average.max) };
}
