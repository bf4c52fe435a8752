import { QuantizeError } from '../errors.ts';
import type { TaskMetric } from '../types.ts';

/** What an evaluator found by name: one number, or one for each item. */
export type Metrics = Record<string, number | number[]>;

/** Half of a 95 % interval is so many standard errors. */
const NORMAL_95 = 1.959964;

/** @throws QuantizeError EVALUATOR_FAILED unless it is an object of finite numbers and lists of them */
export function readMetrics(found: unknown, module: string): Metrics {
  const refuse = (what: string, hint: string): never => {
    throw new QuantizeError('EVALUATOR_FAILED', what, { option: module, hint });
  };
  if (typeof found !== 'object' || found === null || Array.isArray(found) || Object.keys(found).length === 0) {
    refuse('The evaluator returned no metrics.', 'Return an object of named numbers: { accuracy: 0.93 }.');
  }
  for (const [name, value] of Object.entries(found as object)) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (values.length === 0) refuse(`The evaluator returned an empty list for "${name}".`, 'A list has a number for each item that was evaluated.');
    const at = values.findIndex((each) => typeof each !== 'number' || !Number.isFinite(each));
    if (at >= 0) refuse(`The evaluator returned ${String(values[at])} for "${name}"${Array.isArray(value) ? ` of item ${at}` : ''}, which is not a finite number.`, 'Return numbers, or lists of numbers.');
  }
  return found as Metrics;
}

/**
 * Metrics of both models side by side, in the order of their names. Of lists as long as each other the margin is half of the 95 % interval of the
 * mean difference: 1.96 s / sqrt(n), with s the standard deviation of the differences item by item (interval of paired observations).
 *
 * @throws QuantizeError EVALUATOR_FAILED when the evaluator gave other metrics for the artefact than for the source
 */
export function metricsOf(source: Metrics, artefact: Metrics, module: string): TaskMetric[] {
  const [names, others] = [source, artefact].map((metrics) => Object.keys(metrics).sort()) as [string[], string[]];
  if (names.join('\n') !== others.join('\n')) {
    throw new QuantizeError('EVALUATOR_FAILED', `The evaluator returned other metrics for the artefact (${others.join(', ')}) than for the source (${names.join(', ')}).`, { option: module });
  }
  return names.map((name) => {
    const [a, b] = [[source[name]!].flat(), [artefact[name]!].flat()];
    const isList = Array.isArray(source[name]) && a.length === b.length && a.length > 1;
    return { name, from: 'evaluate', source: mean(a), artefact: mean(b), answers: Array.isArray(source[name]) ? a.length : null, margin: isList ? margin(a, b) : null };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function margin(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((value, i) => value - b[i]!);
  const middle = mean(differences);
  const variance = differences.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (differences.length - 1);
  return NORMAL_95 * Math.sqrt(variance / differences.length);
}
