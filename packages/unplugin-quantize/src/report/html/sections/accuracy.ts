import type { BaselineChange, BudgetResult, ModelReport, OutputAccuracy, TaskMetric } from '../../../types.ts';
import { formatCosine, formatShare } from '../../size.ts';
import { showMetric } from '../../groups.ts';
import { html, type Markup } from '../markup.ts';
import { table, type Cell, type Column } from '../table.ts';

/** What was measured on outputs and on the task. */
export function accuracy({ accuracy: measured }: ModelReport): Markup {
  if (measured === null) return html`<h4>Accuracy</h4><p class="quiet">Not measured: give samples (<code>calibration</code>).</p>`;
  const { engine, engineVersion, samples, synthetic, outputs, metrics = [] } = measured;
  const where = `${engine} ${engineVersion}, ${synthetic ? 'generated input, which proves little' : samples === 1 ? 'one sample' : `${samples} samples`}`;
  return html`<h4>Accuracy <small>${where}</small></h4>${metrics.length > 0 && table('Metrics', METRICS, metrics)}${outputs.length > 0 && table('Outputs', OUTPUTS, outputs)}`;
}

/** Limits with what was found. */
export function budget({ budget: results }: ModelReport): Markup | '' {
  return results.length === 0 ? '' : html`<h4>Budget</h4>${table('Budget', LIMITS, results)}`;
}

/** What has changed against the committed baseline. */
export function baseline({ baseline: changes }: ModelReport): Markup | '' {
  if (changes === undefined) return '';
  return html`<h4>Against the baseline</h4>${changes.length === 0 ? html`<p class="quiet">Nothing has changed by more than its tolerance.</p>` : table('Changes against the baseline', CHANGES, changes)}`;
}

const CHANGES: readonly Column<BaselineChange>[] = [
  { name: 'what', cell: ({ what }) => what },
  { name: 'before', cell: ({ before }) => before, right: true },
  { name: 'now', cell: ({ after }) => after, right: true },
  { name: 'verdict', cell: ({ verdict }) => (verdict === 'regressed' ? html`<strong class="bad">✗ regressed</strong>` : verdict === 'improved' ? html`<span class="good">✓ improved</span>` : verdict) },
];

const METRICS: readonly Column<TaskMetric>[] = [
  { name: 'metric', cell: ({ name, from }) => [name, html` <small>${{ labels: 'against labels', agreement: 'same answer as the source', evaluate: 'by the evaluator' }[from]}</small>`] },
  { name: 'source', cell: (metric) => ({ content: showMetric(metric.source, metric), value: metric.source }), right: true },
  { name: 'artefact', cell: (metric) => ({ content: showMetric(metric.artefact, metric), value: metric.artefact }), right: true },
  { name: 'difference', cell: ({ source, artefact, margin }) => signed(artefact - source) + (margin === null ? '' : ` ± ${number(margin)}`), right: true },
  { name: 'answers', cell: ({ answers }) => (answers === null ? '' : { content: answers, value: answers }), right: true },
];

const OUTPUTS: readonly Column<OutputAccuracy>[] = [
  { name: 'output', cell: ({ name }) => html`<code>${name}</code>`, wrap: true },
  { name: 'lowest cosine', cell: ({ cosine }) => ({ content: formatCosine(cosine), value: cosine }), right: true },
  { name: 'mean cosine', cell: ({ meanCosine }) => ({ content: formatCosine(meanCosine), value: meanCosine }), right: true },
  { name: 'SQNR', cell: ({ sqnr }) => decibels(sqnr), right: true },
  { name: 'largest error', cell: ({ maxAbsError }) => figure(maxAbsError), right: true },
  { name: 'mean error', cell: ({ meanAbsError }) => figure(meanAbsError), right: true },
  { name: 'top-1 same', cell: ({ top1Agreement }) => share(top1Agreement), right: true },
  { name: 'in top 5', cell: ({ top5Agreement }) => share(top5Agreement ?? null), right: true },
  { name: 'KL divergence', cell: ({ klDivergence }) => (klDivergence === null || klDivergence === undefined ? '' : figure(klDivergence)), right: true },
  { name: 'worst sample', cell: ({ worstSample }) => ({ content: worstSample, value: worstSample }), right: true },
];

const LIMITS: readonly Column<BudgetResult>[] = [
  { name: 'limit', cell: ({ limit }) => limit },
  { name: 'asked', cell: ({ asked }) => figure(asked), right: true },
  { name: 'found', cell: ({ found }) => figure(found), right: true },
  { name: 'state', cell: ({ held }) => (held ? html`<span class="good">✓ held</span>` : html`<strong class="bad">✗ broken</strong>`) },
];

/** A ratio of power in dB; equal values have none. */
export function decibels(sqnr: number | null): Cell {
  return { content: sqnr === null ? 'exact' : `${sqnr.toFixed(1)} dB`, value: sqnr ?? Infinity };
}

export function figure(value: number): Cell {
  return { content: number(value), value };
}

function share(value: number | null): Cell | '' {
  return value === null ? '' : { content: formatShare(value), value };
}

function signed(value: number): string {
  return (value < 0 ? '−' : value > 0 ? '+' : '±') + number(Math.abs(value));
}

function number(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}
