import { QuantizeError } from '../errors.ts';
import { alignColumns, printable } from '../report/index.ts';
import type { BudgetResult, ModelReport } from '../types.ts';
import { limitOf } from './limits.ts';

/** What is shown of a model; without a format where nobody knows how the file was made. */
export type JudgedModel = Pick<ModelReport, 'name' | 'accuracy' | 'budget'> & { format?: ModelReport['format'] };

/**
 * Passes when every limit is held.
 *
 * @throws QuantizeError BUDGET_BROKEN with a table of what was asked and what was found, for each limit and output
 */
export function assertHeld(report: JudgedModel, results: readonly BudgetResult[] = report.budget): void {
  const broken = results.filter(({ held }) => !held);
  if (broken.length === 0) return;
  const rows = [['limit', 'asked', 'found', ''], ...results.flatMap((result) => describeResult(result, report))];
  const what = [
    `${printable(report.name)}${report.format === undefined ? '' : ` as ${report.format}`} does not hold its budget:`,
    ...alignColumns(rows).map((line) => `  ${line}`),
    `${broken.length} of ${results.length} limits broken`,
  ];
  throw new QuantizeError('BUDGET_BROKEN', what.join('\n'), {
    model: report.name,
    hint: `To pass, ${[...new Set(broken.map(({ limit }) => limitOf(limit).advice))].join('; ')}.`,
  });
}

/** A row for the limit and, for a cosine over several outputs, one for each of them. */
function describeResult({ limit, asked, found, held, margin }: BudgetResult, { accuracy }: JudgedModel): string[][] {
  const { sense, show } = limitOf(limit);
  const interval = margin === undefined ? '' : ` ± ${show(margin)}`;
  const row = [printable(limit), `${sense} ${show(asked)}`, show(found) + interval, held ? 'held' : 'BROKEN'];
  if (accuracy === null) return [row];
  if (limit !== 'cosine') return [[...row.slice(0, 3), row[3]! + describeMetric(limit, accuracy.metrics)]];
  const outputs = accuracy.outputs.map(({ name, cosine, worstSample }) => [
    '',
    '',
    show(cosine),
    `${cosine >= asked ? 'held' : 'BROKEN'} by output "${printable(name)}", lowest at sample ${worstSample}${accuracy.synthetic ? ' (generated input)' : ''}`,
  ]);
  return [row, ...outputs];
}

/** What the metric is of the source and of the artefact. */
function describeMetric(limit: string, metrics: NonNullable<ModelReport['accuracy']>['metrics'] = []): string {
  if (limitOf(limit).needs !== 'metric') return '';
  const name = limit.includes('.') ? limit.slice(limit.indexOf('.') + 1) : 'accuracy';
  const metric = metrics.find((each) => each.name === name);
  if (metric === undefined) return '';
  const [source, artefact] = [metric.source, metric.artefact].map((value) => String(Number(value.toPrecision(6))));
  const counted = metric.answers === null ? '' : `, ${metric.answers} ${metric.from === 'agreement' ? 'answers without labels' : 'answers'}`;
  return `  ${source} → ${artefact}${counted}`;
}
