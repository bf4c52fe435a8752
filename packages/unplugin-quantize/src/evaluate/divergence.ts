/** Collects Kullback-Leibler divergences of rows; memory does not grow with them. */
export interface DivergenceMeter {
  /** Takes `width` elements of both from `start` on. */
  add(reference: ArrayLike<number>, found: ArrayLike<number>, start: number, width: number): void;
  /** Mean of the rows in nats, or null before the first. */
  result(): number | null;
}

/** Sums of float16 probabilities are this near to 1; scores that are by accident are not so in all rows. */
const SUM_TOLERANCE = 2e-3;

/** Stands for a probability of zero in the artefact, as that of a quantized softmax often is: the divergence would be infinite. */
const LEAST_PROBABILITY = 1e-7;

/**
 * D(P || Q) = sum p ln(p / q) with P of the source and Q of the artefact (Kullback and Leibler 1951).
 *
 * While all rows of the source are probabilities (from 0 on, sum 1 within 0.002) both rows count as such, divided by their sums, q being at least
 * 1e-7 (or p, where that is less); from the first row that is none, softmax is taken of all rows. Log-probabilities are their own softmax. Elements with p = 0 add nothing; rows
 * whose softmax does not exist (NaN, +Infinity, all -Infinity) are left out: the other metrics tell of them.
 */
export function divergenceMeter(): DivergenceMeter {
  let [rows, ofScores, ofProbabilities] = [0, 0, 0];
  let areProbabilities = true;
  return {
    add(reference, found, start, width) {
      const divergence = scoreDivergence(reference, found, start, width);
      if (Number.isNaN(divergence)) return;
      rows++;
      ofScores += divergence;
      areProbabilities &&= isDistribution(reference, start, width);
      if (areProbabilities) ofProbabilities += probabilityDivergence(reference, found, start, width);
    },
    result: () => (rows === 0 ? null : (areProbabilities ? ofProbabilities : ofScores) / rows),
  };
}

function isDistribution(data: ArrayLike<number>, start: number, width: number): boolean {
  let sum = 0;
  for (let i = start; i < start + width; i++) {
    if (!(data[i]! >= 0)) return false;
    sum += data[i]!;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}

function probabilityDivergence(reference: ArrayLike<number>, found: ArrayLike<number>, start: number, width: number): number {
  const [total, foundTotal] = [sumOf(reference, start, width), sumOf(found, start, width)];
  let sum = 0;
  for (let i = start; i < start + width; i++) {
    const p = reference[i]! / total;
    const q = found[i]! > 0 ? found[i]! / foundTotal : 0;
    if (p > 0) sum += p * Math.log(p / Math.max(q, Math.min(p, LEAST_PROBABILITY)));
  }
  return Math.max(0, sum);
}

/** Of what is positive. */
function sumOf(data: ArrayLike<number>, start: number, width: number): number {
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += Math.max(0, data[i]!);
  return sum;
}

/** Of the softmax of both; NaN where there is none. */
function scoreDivergence(reference: ArrayLike<number>, found: ArrayLike<number>, start: number, width: number): number {
  const [top, foundTop] = [maximum(reference, start, width), maximum(found, start, width)];
  const [total, foundTotal] = [logSumExp(reference, start, width, top), logSumExp(found, start, width, foundTop)];
  let sum = 0;
  for (let i = start; i < start + width; i++) {
    const logP = reference[i]! - total;
    // exp(-745) is the smallest double above 0.
    if (logP > -745) sum += Math.exp(logP) * (logP - (found[i]! - foundTotal));
  }
  return Number.isFinite(sum) ? Math.max(0, sum) : Number.NaN;
}

function maximum(data: ArrayLike<number>, start: number, width: number): number {
  let top = -Infinity;
  for (let i = start; i < start + width; i++) top = Math.max(top, data[i]!);
  return top;
}

/** ln(sum exp x), with the largest element taken out so that nothing overflows. */
function logSumExp(data: ArrayLike<number>, start: number, width: number, top: number): number {
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += Math.exp(data[i]! - top);
  return top + Math.log(sum);
}
