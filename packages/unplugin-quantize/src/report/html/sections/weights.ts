import type { ActivationError, ModelReport, WeightDecision, WeightError } from '../../../types.ts';
import { formatBytes } from '../../size.ts';
import { histogramChart, shortNumber } from '../charts/histogram.ts';
import { html, type Markup } from '../markup.ts';
import { table, type Column } from '../table.ts';
import { decibels, figure } from './accuracy.ts';

interface Row {
  weight: WeightDecision;
  error: WeightError | undefined;
}

/** Every weight with its bytes and its error, largest first. */
export function weightTable({ weights, details }: ModelReport, limit: number): Markup | '' {
  if (weights.length === 0) return '';
  const errors = new Map(details?.weights.map((error) => [error.tensor, error]));
  const rows = weights.map((weight) => ({ weight, error: errors.get(weight.tensor) })).toSorted((a, b) => b.weight.bytesBefore - a.weight.bytesBefore || order(a.weight.tensor, b.weight.tensor));
  const rest = rows.length - limit;
  return html`<details><summary>Weights <small>${rows.length}</small></summary>${table('Weights', WEIGHTS, rows.slice(0, limit))}${
    rest > 0 && html`<p class="quiet">${rest} smaller ones are in quantize-report.json.</p>`}</details>`;
}

const WEIGHTS: readonly Column<Row>[] = [
  { name: 'weight', cell: ({ weight }) => html`<code>${weight.tensor}</code>`, wrap: true },
  { name: 'read by', cell: ({ weight, error }) => (error === undefined || error.nodes.length === 0 ? weight.ops.join(', ') : [weight.ops.join(', '), html` <small>${error.nodes.join(', ')}</small>`]), wrap: true },
  { name: 'type', cell: ({ weight: { dtype, dims } }) => ({ content: `${dtype}[${dims.join(',')}]`, value: dims.reduce((a, b) => a * b, 1) }) },
  { name: 'became', cell: ({ weight }) => weight.scheme },
  { name: 'before', cell: ({ weight: { bytesBefore } }) => ({ content: formatBytes(bytesBefore), value: bytesBefore }), right: true },
  { name: 'after', cell: ({ weight: { bytesAfter } }) => ({ content: formatBytes(bytesAfter), value: bytesAfter }), right: true },
  { name: 'SQNR', cell: ({ error }) => (error === undefined ? '' : decibels(error.sqnr)), right: true },
  { name: 'largest error', cell: ({ error }) => (error === undefined ? '' : figure(error.maxError)), right: true },
];

/** What stayed in float32, by reason: how many, how large, and the largest of them by name. */
export function keptWeights({ weights }: ModelReport): Markup | '' {
  const reasons = new Map<string, WeightDecision[]>();
  for (const weight of weights) if (weight.scheme === 'kept') reasons.set(weight.reason ?? '', [...(reasons.get(weight.reason ?? '') ?? []), weight]);
  if (reasons.size === 0) return '';
  const rows = [...reasons].map(([reason, own]) => ({ reason, own, bytes: own.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0) })).toSorted((a, b) => b.bytes - a.bytes);
  return html`<h4>Kept as it is, and why</h4>${table('Kept weights', [
    { name: 'reason', cell: ({ reason }) => reason, wrap: true },
    { name: 'weights', cell: ({ own }) => ({ content: own.length, value: own.length }), right: true },
    { name: 'bytes', cell: ({ bytes }) => ({ content: formatBytes(bytes), value: bytes }), right: true },
    { name: 'largest', cell: ({ own }) => html`<code>${own.toSorted((a, b) => b.bytesBefore - a.bytesBefore)[0]!.tensor}</code>`, wrap: true },
  ], rows)}`;
}

/** The weights with the most noise: what they were, and as a line over it what the artefact holds. */
export function weightHistograms({ details }: ModelReport): Markup | '' {
  const worst = (details?.weights ?? []).filter(({ histogram }) => histogram !== undefined).toSorted((a, b) => a.sqnr! - b.sqnr! || order(a.tensor, b.tensor));
  if (worst.length === 0) return '';
  return html`<h4>Weights with the most noise <small>area: before; line: after; counts on a root scale</small></h4><div class="grid">${
    worst.map(({ tensor, nodes, sqnr, histogram }) => figureOf(tensor, [`${sqnr!.toFixed(1)} dB`, ...nodes].join(', '), histogramChart(`Values of ${tensor}`, histogram!)))}</div>`;
}

export function activationHistograms({ details }: ModelReport): Markup | '' {
  const worst: ActivationError[] = details?.activations ?? [];
  if (worst.length === 0) return '';
  return html`<h4>Activations that 8 bits fit worst <small>upright lines: the range that was chosen</small></h4><div class="grid">${
    worst.map(({ tensor, min, max, sqnr, histogram }) => figureOf(tensor, `${sqnr!.toFixed(1)} dB, range ${shortNumber(min)} to ${shortNumber(max)}`, histogramChart(`Values of ${tensor}`, histogram, [min, max])))}</div>`;
}

function figureOf(name: string, note: string, chart: Markup): Markup {
  return html`<figure>${chart}<figcaption><code>${name}</code> <small>${note}</small></figcaption></figure>`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
