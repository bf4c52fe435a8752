import { argmax } from '../evaluate/argmax.ts';
import { rowsOf, type Scores } from './values.ts';

/**
 * The class of each row: where its largest score is. The first of equal scores wins, NaN counts as largest, as in numpy.
 *
 * @throws QuantizeError SAMPLES_INVALID for dims that do not hold the data
 */
export function classesOf(scores: Scores): number[] {
  const { width, height } = rowsOf('classesOf', scores);
  return Array.from({ length: height }, (_, row) => argmax(scores.data, row * width, width));
}
