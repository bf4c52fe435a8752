import type { TensorStatistics } from '../../quantize/index.ts';
import { SIDE } from './bins.ts';
import type { Histogram } from './histogram.ts';
import type { Range } from './range.ts';

/** As many as a small plot can show. */
const BINS = 64;
const LEVELS = 255;

/**
 * What the report shows of an activation: its histogram over what was seen, and how 256 levels over the chosen range would fit. Each fine
 * bin counts as its middle, quantized with zero on a level: noise is the mean squared distance to the nearest level or end.
 */
export function distributionOf({ counts, width }: Histogram, seen: Range, chosen: Range): NonNullable<TensorStatistics['distribution']> {
  const [low, high] = [Math.min(0, chosen.min), Math.max(0, chosen.max)];
  const step = (high - low) / LEVELS;
  const perUnit = seen.max > seen.min ? BINS / (seen.max - seen.min) : 0;
  const coarse = Array<number>(BINS).fill(0);
  let [signal, noise] = [0, 0];
  for (let b = 0; b < counts.length; b++) {
    const count = counts[b]!;
    if (count === 0) continue;
    const middle = (b - SIDE + 0.5) * width;
    const nearest = step === 0 ? 0 : step * Math.round(Math.min(high, Math.max(low, middle)) / step);
    signal += count * middle * middle;
    noise += count * (middle - nearest) ** 2;
    coarse[Math.max(0, Math.min(BINS - 1, Math.floor((middle - seen.min) * perUnit)))]! += count;
  }
  const sqnr = noise === 0 || signal === 0 ? null : Math.round(1000 * Math.log10(signal / noise)) / 100;
  return { histogram: { from: seen.min, to: seen.max, counts: coarse }, sqnr };
}
