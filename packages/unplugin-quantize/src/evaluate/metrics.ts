import type { OutputAccuracy } from '../types.ts';
import { rowMeter } from './rows.ts';

/** One output of one sample: elements in row-major order. */
export interface OutputValues {
  dims: readonly number[];
  data: ArrayLike<number>;
}

/** Collects the distance of one output over samples; memory does not grow with them. */
export interface AccuracyMeter {
  add(reference: OutputValues, found: OutputValues): void;
  /** @throws RangeError before the first sample */
  result(): OutputAccuracy;
  /** Elements that are NaN or infinite in one of the outputs and differ in the other; of outputs of different shapes, all. */
  incomparable(): number;
}

/** Stands for a ratio without any signal, because JSON cannot carry -Infinity. */
const NO_SIGNAL_DB = -200;

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16', 'float64', 'bfloat16']);

/**
 * Compares an output of the artefact to the source's, all sums in float64.
 *
 * - cosine of a sample: r.f / (|r| |f|) over all elements; 1 when they are equal (two zero vectors too), 0 when exactly one is zero.
 * - SQNR: 10 log10(sum r^2 / sum (r - f)^2) over all samples; null without any difference, at least -200 dB.
 * - top-1, top-5, divergence: of each row of the last axis, see `rowMeter`.
 * - Elements that are the same infinity or NaN in both are left out of sums. Where only one is not finite, or the values are
 *   different infinities, or the shapes differ, the sample's cosine is 0, SQNR -200 dB, and both absolute errors and the divergence are Number.MAX_VALUE.
 *
 * @param dtype the output's element type; only rows of floating point have a divergence
 */
export function accuracyMeter(name: string, dtype = 'float32'): AccuracyMeter {
  const isFloat = FLOATS.has(dtype);
  const rows = rowMeter(isFloat);
  let samples = 0;
  let [minCosine, sumCosine, worstSample] = [Infinity, 0, 0];
  let [maxError, sumError, elements] = [0, 0, 0];
  let [signal, noise, incomparable] = [0, 0, 0];

  return {
    add(reference, found) {
      const sums = isSameShape(reference.dims, found.dims) ? compareElements(reference.data, found.data) : null;
      const cosine = sums === null ? 0 : cosineOf(sums);
      if (cosine < minCosine) [minCosine, worstSample] = [cosine, samples];
      sumCosine += cosine;
      samples++;
      elements += reference.data.length;
      if (sums === null) {
        incomparable += Math.max(1, reference.data.length, found.data.length);
        rows.addIncomparable(reference);
        return;
      }
      maxError = Math.max(maxError, sums.maxError);
      sumError += sums.sumError;
      signal += sums.rr;
      noise += sums.noise;
      incomparable += sums.incomparable;
      rows.add(reference, found);
    },

    result() {
      if (samples === 0) throw new RangeError(`No sample of ${name} was compared.`);
      const broken = incomparable > 0;
      const { top1Agreement, top5Agreement, klDivergence } = rows.result();
      return {
        name,
        cosine: minCosine,
        meanCosine: sumCosine / samples,
        maxAbsError: broken ? Number.MAX_VALUE : maxError,
        meanAbsError: broken ? Number.MAX_VALUE : elements === 0 ? 0 : sumError / elements,
        sqnr: broken ? NO_SIGNAL_DB : noise === 0 ? null : Math.max(NO_SIGNAL_DB, 10 * Math.log10(signal / noise)),
        top1Agreement,
        top5Agreement,
        klDivergence: broken && isFloat && top1Agreement !== null ? Number.MAX_VALUE : klDivergence,
        worstSample,
      };
    },

    incomparable: () => incomparable,
  };
}

interface Sums {
  rr: number;
  ff: number;
  rf: number;
  noise: number;
  sumError: number;
  maxError: number;
  incomparable: number;
}

function compareElements(reference: ArrayLike<number>, found: ArrayLike<number>): Sums {
  let [rr, ff, rf, noise, sumError, maxError, incomparable] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i]!;
    const f = found[i]!;
    const error = Math.abs(r - f);
    // Of two finite float32 values the difference is finite; it is not when one is NaN or infinite.
    if (error - error !== 0) {
      if (!Object.is(r, f)) incomparable++;
      continue;
    }
    rr += r * r;
    ff += f * f;
    rf += r * f;
    noise += error * error;
    sumError += error;
    if (error > maxError) maxError = error;
  }
  return { rr, ff, rf, noise, sumError, maxError, incomparable };
}

function cosineOf({ rr, ff, rf, sumError, incomparable }: Sums): number {
  if (incomparable > 0) return 0;
  if (sumError === 0) return 1;
  const cosine = rf / (Math.sqrt(rr) * Math.sqrt(ff));
  // NaN: one vector is zero, or its squares vanish or overflow in float64, which float32 values never do.
  return Number.isNaN(cosine) ? 0 : Math.min(1, Math.max(-1, cosine));
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
