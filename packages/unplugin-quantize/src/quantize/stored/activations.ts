import type { ActivationError } from '../../types.ts';
import type { Statistics } from '../static/statistics.ts';

/** Activations that are told of. */
const WORST = 8;

/** The activations that 256 levels fit worst, worst first; those of which samples told no distribution are left out. */
export function worstActivations(statistics: Statistics): ActivationError[] {
  const seen = [...statistics].flatMap(([tensor, { min, max, distribution }]): ActivationError[] =>
    distribution === undefined ? [] : [{ tensor, min, max, sqnr: distribution.sqnr, histogram: distribution.histogram }]);
  return seen
    .toSorted((a, b) => (a.sqnr ?? Infinity) - (b.sqnr ?? Infinity) || (a.tensor < b.tensor ? -1 : 1))
    .filter(({ sqnr }) => sqnr !== null)
    .slice(0, WORST);
}
