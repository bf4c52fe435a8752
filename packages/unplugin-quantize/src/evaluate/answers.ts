import type { SampleLabel, SampleTensor } from '../calibrate/index.ts';
import type { TaskMetric } from '../types.ts';
import { argmax } from './argmax.ts';
import { numbersOf } from './numbers.ts';

/** Counts right answers of source and artefact over samples: rows of an output whose largest element is the sample's class. */
export interface AnswerMeter {
  /** @param labels classes of the rows, in their order; undefined for a sample that has none */
  add(labels: readonly SampleLabel[] | undefined, expected: SampleTensor, found: SampleTensor): void;
  /** Null before the first row. */
  result(): TaskMetric | null;
  /** Sentences for the report. */
  notes(): string[];
}

/** Half of a 95 % interval is so many standard errors. */
const NORMAL_95 = 1.959964;

/**
 * Where all samples have labels, `accuracy` is the share of rows whose largest element is the label's. Without them, what the source says
 * counts as right, and the artefact's `accuracy` is its agreement with it: as much of the accuracy may be lost as they disagree.
 *
 * The margin is half of the 95 % interval of the drop d = (lost - won) / n, where `lost` counts rows that only the source has right, `won` those
 * that only the artefact has right: 1.96 sqrt(lost + won - (lost - won)^2 / n) / n (Wald interval of paired proportions, as in McNemar's test).
 */
export function answerMeter(): AnswerMeter {
  const [byLabel, byAgreement] = [tally(), tally()];
  let [classes, unlabelled] = [0, 0];

  return {
    add(labels, expected, found) {
      const width = expected.dims.at(-1) ?? 0;
      const [a, b] = [numbersOf(expected)!, numbersOf(found)!];
      if (width < 2 || a.length !== b.length) return;
      const rows = a.length / width;
      const known = labels?.length === rows && labels.every(({ index }) => index < width) ? labels : undefined;
      if (known === undefined) unlabelled += rows;
      classes = width;
      for (let row = 0; row < rows; row++) {
        const [said, answered] = [argmax(a, row * width, width), argmax(b, row * width, width)];
        byAgreement.count(true, answered === said);
        if (known !== undefined) byLabel.count(said === known[row]!.index, answered === known[row]!.index);
      }
    },
    result: () => (unlabelled === 0 ? byLabel.metric('labels') : byAgreement.metric('agreement')),
    notes() {
      const metric = byLabel.metric('labels');
      if (metric !== null && unlabelled > 0) {
        return [`${unlabelled} of ${unlabelled + metric.answers!} answers have no label that fits: the source's answers count as right for all of them.`];
      }
      if (metric === null || metric.source >= 1.2 / classes) return [];
      return [`The source itself gives only ${(metric.source * 100).toFixed(1)} % of the labels: the classes may be in another order than the model's.`];
    },
  };
}

function tally(): { count(isSourceRight: boolean, isArtefactRight: boolean): void; metric(from: TaskMetric['from']): TaskMetric | null } {
  let [rows, both, lost, won] = [0, 0, 0, 0];
  return {
    count(isSourceRight, isArtefactRight) {
      rows++;
      if (isSourceRight && isArtefactRight) both++;
      else if (isSourceRight) lost++;
      else if (isArtefactRight) won++;
    },
    metric(from) {
      if (rows === 0) return null;
      const margin = (NORMAL_95 * Math.sqrt(lost + won - (lost - won) ** 2 / rows)) / rows;
      return { name: 'accuracy', from, source: (both + lost) / rows, artefact: (both + won) / rows, answers: rows, margin };
    },
  };
}
