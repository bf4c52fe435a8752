import { argmax } from './argmax.ts';
import { divergenceMeter } from './divergence.ts';
import type { OutputValues } from './metrics.ts';

/** What rows of the last axis tell, as shares of all rows. */
export interface RowFigures {
  top1Agreement: number | null;
  top5Agreement: number | null;
  klDivergence: number | null;
}

/** Compares outputs row by row; an output that has no rows of two elements gives null. */
export interface RowMeter {
  add(reference: OutputValues, found: OutputValues): void;
  /** Counts an output whose shape is another as rows that agree in nothing. */
  addIncomparable(reference: OutputValues): void;
  result(): RowFigures;
}

/** Among so few elements every one is one of the five largest. */
const FEWEST_FOR_TOP5 = 6;

/**
 * - top-1: argmax of each row; the first of equal elements wins, NaN counts as largest, as in numpy.
 * - top-5: whether the source's argmax is one of the artefact's five largest, of equal elements the first ones (scikit-learn's top_k_accuracy_score
 *   with the source's answers as labels).
 * - divergence: see `divergenceMeter`; only of floating-point outputs.
 */
export function rowMeter(isFloat: boolean): RowMeter {
  const divergence = divergenceMeter();
  let [rows, agreed, wideRows, among5] = [0, 0, 0, 0];

  function count({ dims, data }: OutputValues): { width: number; height: number } {
    const width = dims.at(-1) ?? 1;
    const height = width < 2 ? 0 : data.length / width;
    rows += height;
    if (width >= FEWEST_FOR_TOP5) wideRows += height;
    return { width, height };
  }

  return {
    add(reference, found) {
      const { width, height } = count(reference);
      for (let row = 0; row < height; row++) {
        const start = row * width;
        const answer = argmax(reference.data, start, width);
        const isAgreed = answer === argmax(found.data, start, width);
        if (isAgreed) agreed++;
        if (width >= FEWEST_FOR_TOP5 && (isAgreed || isAmong5(found.data, start, width, answer))) among5++;
        if (isFloat) divergence.add(reference.data, found.data, start, width);
      }
    },
    addIncomparable: (reference) => void count(reference),
    result: () => ({
      top1Agreement: rows === 0 ? null : agreed / rows,
      top5Agreement: wideRows === 0 ? null : among5 / wideRows,
      klDivergence: divergence.result(),
    }),
  };
}

function isAmong5(data: ArrayLike<number>, start: number, width: number, at: number): boolean {
  const value = data[start + at]!;
  if (Number.isNaN(value)) return true;
  let before = 0;
  for (let i = 0; i < width; i++) {
    const other = data[start + i]!;
    if (other > value || Number.isNaN(other) || (other === value && i < at)) before++;
    if (before === 5) return false;
  }
  return true;
}
