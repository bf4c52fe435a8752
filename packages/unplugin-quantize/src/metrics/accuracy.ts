import { pairsOf, rowsOf, type Scores, type Values } from './values.ts';

/**
 * Share of answers that are the label, 0 to 1.
 *
 * @throws QuantizeError SAMPLES_INVALID for lists of different lengths, and for empty ones
 */
export function accuracy(answers: Values, labels: Values): number {
  const count = pairsOf('accuracy', answers, labels);
  let right = 0;
  for (let i = 0; i < count; i++) if (Number(answers[i]) === Number(labels[i])) right++;
  return right / count;
}

/**
 * Share of rows whose label is among the k largest scores, 0 to 1; of equal scores the first ones count.
 *
 * @throws QuantizeError SAMPLES_INVALID
 */
export function topKAccuracy(scores: Scores, labels: Values, k = 5): number {
  const { width, height } = rowsOf('topKAccuracy', scores);
  const count = pairsOf('topKAccuracy', { length: height }, labels);
  let right = 0;
  for (let row = 0; row < count; row++) if (rank(scores.data, row * width, width, Number(labels[row])) < k) right++;
  return right / count;
}

/** How many scores come before that of a class; all of them for a class that is not there. */
function rank(data: ArrayLike<number>, start: number, width: number, label: number): number {
  const score = data[start + label];
  if (score === undefined || !(label >= 0 && label < width)) return width;
  let before = 0;
  for (let i = 0; i < width; i++) {
    const other = data[start + i]!;
    if (!(other < score) && !(other === score && i >= label) && i !== label) before++;
  }
  return before;
}
