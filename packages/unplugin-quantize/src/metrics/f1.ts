import { pairsOf, type Values } from './values.ts';

export interface F1Options {
  /**
   * `binary`: of the class `positive` alone. `macro`: mean of all classes. `weighted`: the same, each class as often as it is a label.
   * `micro`: of all decisions together.
   * @default 'binary'
   */
  average?: 'binary' | 'macro' | 'weighted' | 'micro';
  /** @default 1 */
  positive?: number;
}

interface Tally {
  /** Labels of the class, answers of the class, and those that are both. */
  labels: number;
  answers: number;
  both: number;
}

/**
 * F1 = 2 precision recall / (precision + recall) = 2 both / (labels + answers), 0 to 1; 0 for a class that is neither answer nor label.
 *
 * @throws QuantizeError SAMPLES_INVALID for lists of different lengths, and for empty ones
 */
export function f1Score(answers: Values, labels: Values, { average = 'binary', positive = 1 }: F1Options = {}): number {
  const tallies = countClasses(answers, labels);
  const classes = [...tallies.values()];
  const averages: Record<NonNullable<F1Options['average']>, () => number> = {
    binary: () => f1Of(tallies.get(positive) ?? { labels: 0, answers: 0, both: 0 }),
    macro: () => sum(classes.map(f1Of)) / classes.length,
    weighted: () => sum(classes.map((tally) => f1Of(tally) * tally.labels)) / labels.length,
    micro: () => sum(classes.map(({ both }) => both)) / labels.length,
  };
  return averages[average]();
}

function countClasses(answers: Values, labels: Values): Map<number, Tally> {
  const count = pairsOf('f1Score', answers, labels);
  const tallies = new Map<number, Tally>();
  const of = (value: number | bigint): Tally => {
    const known = tallies.get(Number(value)) ?? { labels: 0, answers: 0, both: 0 };
    tallies.set(Number(value), known);
    return known;
  };
  for (let i = 0; i < count; i++) {
    const [answered, meant] = [of(answers[i]!), of(labels[i]!)];
    answered.answers++;
    meant.labels++;
    if (answered === meant) meant.both++;
  }
  return tallies;
}

function f1Of({ labels, answers, both }: Tally): number {
  return labels + answers === 0 ? 0 : (2 * both) / (labels + answers);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
