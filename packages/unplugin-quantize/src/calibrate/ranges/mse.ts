import { sidesOf } from './histogram.ts';
import type { Range, Seen } from './range.ts';

/** Steps of an 8-bit grid. */
const STEPS = 255;
/** Both ends settle after two or three rounds; each round lowers the error, so that it never goes in circles. */
const ROUNDS = 8;

/**
 * The range with the least squared error of quantization: a value inside it is off by up to half a step of (max - min) / steps, which is
 * step^2 / 12 in the mean; one beyond it is off by its distance to the range. Zeros cost nothing.
 *
 *     error(min, max) = inside step^2 / 12  +  sum over values below (min - x)^2  +  sum over values above (x - max)^2
 *
 * Ends are edges of bins or the values seen, and zero lies between them; one end is chosen while the other stands, until neither moves.
 */
export function mseRange({ histogram, extremes }: Seen, steps = STEPS): Range {
  const { width } = histogram;
  if (width === 0) return extremes;
  const { negative, positive } = sidesOf(histogram);
  const below = clipping(negative, width, -extremes.min);
  const above = clipping(positive, width, extremes.max);
  let [low, high] = [below.ends.length - 1, above.ends.length - 1];
  for (let round = 0; round < ROUNDS; round++) {
    const [oldLow, oldHigh] = [low, high];
    high = bestEnd(above, below, low, steps);
    low = bestEnd(below, above, high, steps);
    if (low === oldLow && high === oldHigh) break;
  }
  // A side without values ends where its value nearest to zero lies.
  if (extremes.min > 0) return { min: Math.min(extremes.min, above.ends[high]!), max: above.ends[high]! };
  if (extremes.max < 0) return { min: 0 - below.ends[low]!, max: Math.max(extremes.max, 0 - below.ends[low]!) };
  return { min: 0 - below.ends[low]!, max: above.ends[high]! };
}

/** What each end of one side would cost, by magnitude. */
interface Clipping {
  ends: Float64Array;
  /** Squared error of the values beyond the end. */
  errors: Float64Array;
  /** How many values lie before the end. */
  inside: Float64Array;
}

/** @param last the largest magnitude of the side; at most 0 for a side without values */
function clipping(counts: Float64Array, width: number, last: number): Clipping {
  if (last <= 0) return { ends: new Float64Array(1), errors: new Float64Array(1), inside: new Float64Array(1) };
  // A value on an edge lies in the bin beyond it.
  const bins = Math.min(counts.length, Math.floor(last / width) + 1);
  const ends = Float64Array.from({ length: bins + 1 }, (_, end) => Math.min(end * width, last));
  const [errors, inside] = [new Float64Array(bins + 1), new Float64Array(bins + 1)];
  let [count, sum, squares] = [0, 0, 0];
  for (let b = bins - 1; b >= 0; b--) {
    const middle = (ends[b]! + ends[b + 1]!) / 2;
    count += counts[b]!;
    sum += counts[b]! * middle;
    squares += counts[b]! * middle * middle;
    errors[b] = Math.max(0, squares - 2 * ends[b]! * sum + ends[b]! * ends[b]! * count);
  }
  for (let b = 0; b < bins; b++) inside[b + 1] = inside[b]! + counts[b]!;
  return { ends, errors, inside };
}

/** The end of one side with the least error, the outermost of equals, while the other side ends at `other`. */
function bestEnd({ ends, errors, inside }: Clipping, opposite: Clipping, other: number, steps: number): number {
  let [best, least] = [ends.length - 1, Infinity];
  for (let end = ends.length - 1; end >= 0; end--) {
    const step = (ends[end]! + opposite.ends[other]!) / steps;
    const error = errors[end]! + ((inside[end]! + opposite.inside[other]!) * step * step) / 12;
    if (error < least) [best, least] = [end, error];
  }
  return best;
}
