/**
 * The word of `words` that is meant by `word`, or undefined when none is near: at most a third of the longer word's letters differ
 * (optimal string alignment distance, case ignored). Equal distances go to the first in the list.
 */
export function closest(word: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= limit && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** The hint for an unknown word: `Did you mean "format"?`, or the words that exist when none is near. */
export function didYouMean(word: string, words: Iterable<string>): string {
  const list = [...words];
  const near = closest(word, list);
  if (near !== undefined) return `Did you mean "${near}"?`;
  return list.length === 0 ? 'None is known here.' : `Known: ${list.join(', ')}.`;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
