import { QuantizeError } from '../errors.ts';
import { pairsOf } from './values.ts';

/**
 * Word error rate: edits (substitutions, deletions, insertions) that turn what was heard into what was said, for each word said. 0 is without a
 * fault; above 1 is possible. Words are what white space divides; case and punctuation count, so bring both texts to one form first.
 *
 * @throws QuantizeError SAMPLES_INVALID for lists of different lengths, and where nothing was said
 */
export function wordErrorRate(heard: readonly string[], said: readonly string[]): number {
  return errorRate('wordErrorRate', heard, said, (text) => text.split(/\s+/u).filter((word) => word !== ''));
}

/**
 * The same of characters (code points), without white space at the ends.
 *
 * @throws QuantizeError SAMPLES_INVALID
 */
export function characterErrorRate(heard: readonly string[], said: readonly string[]): number {
  return errorRate('characterErrorRate', heard, said, (text) => [...text.trim()]);
}

function errorRate(metric: string, heard: readonly string[], said: readonly string[], split: (text: string) => string[]): number {
  const count = pairsOf(metric, heard, said);
  let [edits, units] = [0, 0];
  for (let i = 0; i < count; i++) {
    const reference = split(said[i]!);
    edits += editDistance(split(heard[i]!), reference);
    units += reference.length;
  }
  if (units > 0) return edits / units;
  throw new QuantizeError('SAMPLES_INVALID', `${metric} has nothing to compare with: all expected texts are empty.`);
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(a: readonly string[], b: readonly string[]): number {
  const row = Int32Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    let diagonal = row[0]!;
    row[0] = i + 1;
    for (let j = 0; j < b.length; j++) {
      const substituted = diagonal + (a[i] === b[j] ? 0 : 1);
      diagonal = row[j + 1]!;
      row[j + 1] = Math.min(substituted, diagonal + 1, row[j]! + 1);
    }
  }
  return row[b.length]!;
}
