import type { BaselineChange, BudgetResult, ModelReport } from '../../types.ts';
import { groupByModel, lowestCosine, showMetric } from '../groups.ts';
import { sortReports } from '../json.ts';
import { firstVisitLines } from '../first-visit.ts';
import { purposeOf } from '../purpose.ts';
import { formatBytes, formatChange, formatCosine, formatShare } from '../size.ts';
import { code, escapeMarkdown } from './escape.ts';

interface Column {
  name: string;
  cell(report: ModelReport): string;
  right?: boolean;
}

/** Columns that no model fills are left out. */
const COLUMNS: readonly Column[] = [
  { name: 'model', cell: ({ name }) => code(name) },
  { name: 'for', cell: purposeOf },
  { name: 'format', cell: ({ format, requestedFormat }) => (format === requestedFormat ? format : `${format} (asked ${requestedFormat})`) },
  { name: 'before', cell: ({ source }) => formatBytes(source.bytes), right: true },
  { name: 'after', cell: ({ artefact }) => formatBytes(artefact.bytes), right: true },
  { name: 'change', cell: ({ source, artefact }) => formatChange(source.bytes, artefact.bytes), right: true },
  { name: 'brotli', cell: ({ artefact }) => (artefact.compressed === undefined ? '' : formatBytes(artefact.compressed.brotli)), right: true },
  { name: 'cosine', cell: cosineCell, right: true },
  { name: 'task', cell: metricCell, right: true },
  { name: 'latency', cell: ({ latency }) => (latency === undefined ? '' : `${latency.ratio.latency.ratio.toFixed(2)} ×`), right: true },
  { name: 'budget', cell: ({ budget }) => (budget.length === 0 ? '' : budget.every(({ held }) => held) ? '✅ held' : `❌ ${budget.filter(({ held }) => !held).map(({ limit }) => escapeMarkdown(limit)).join(', ')}`) },
];

/** GitHub takes 65,536 characters in a comment; details stop before that. */
const MOST_CHARACTERS = 60_000;
const MOST_ROWS = 100;
const MOST_BROKEN = 20;

/** quantize-report.md, for a pull request: a table of models, broken budgets in full, everything else folded. */
export function reportMarkdown(reports: readonly ModelReport[]): string {
  const sorted = sortReports(reports);
  const broken = sorted.filter(({ budget }) => budget.some(({ held }) => !held));
  const worse = sorted.filter(({ baseline = [] }) => baseline.some(({ verdict }) => verdict === 'regressed'));
  const parts: string[] = [
    '### Quantized models',
    headline(sorted, broken.length, worse.length),
    table(COLUMNS, sorted.slice(0, MOST_ROWS)),
    firstVisitLines(sorted).join('\\\n'),
    ...(sorted.length > MOST_ROWS ? [`and ${sorted.length - MOST_ROWS} more`] : []),
    ...(sorted.some(({ accuracy }) => accuracy?.synthetic) ? ['\\* measured on generated input, which proves little'] : []),
    ...broken.slice(0, MOST_BROKEN).map((report) => `**${code(report.name)} does not hold its budget**\n\n${budgetTable(report.budget)}`),
    ...worse.slice(0, MOST_BROKEN).map((report) => `**${code(report.name)} is worse than its baseline**\n\n${changesTable(report.baseline!)}`),
  ];
  const room = MOST_CHARACTERS - parts.reduce((sum, part) => sum + part.length, 0);
  parts.push(...fold(sorted, room));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function headline(reports: readonly ModelReport[], broken: number, worse: number): string {
  if (reports.length === 0) return 'No model was quantized.';
  const groups = groupByModel(reports);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b);
  const before = sum(groups.map(({ reports: [first] }) => first!.source.bytes));
  const after = sum(groups.map((group) => Math.min(...group.reports.map(({ artefact }) => artefact.bytes))));
  const what = [counted(groups.length, 'model'), ...(reports.length > groups.length ? [counted(reports.length, 'artefact')] : [])].join(', ');
  const states = [...(broken === 0 ? [] : [broken === 1 ? 'One budget is broken.' : `${broken} budgets are broken.`]), ...(worse === 0 ? [] : [`${counted(worse, 'artefact')} worse than the baseline.`])];
  const state = states.length === 0 ? '' : ` **${states.join(' ')}**`;
  return `${what}: ${formatBytes(before)} → ${reports.length > groups.length ? 'from ' : ''}${formatBytes(after)} (${formatChange(before, after)}).${state}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function table<Row>(columns: readonly { name: string; cell(row: Row): string; right?: boolean }[], rows: readonly Row[]): string {
  const shown = columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  if (shown.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(shown.map(({ name }) => name)),
    line(shown.map(({ right }) => (right ? '---:' : '---'))),
    ...rows.map((row) => line(shown.map(({ cell }) => cell(row)))),
  ].join('\n');
}

function budgetTable(results: readonly BudgetResult[]): string {
  return table([
    { name: 'limit', cell: ({ limit }: BudgetResult) => escapeMarkdown(limit) },
    { name: 'asked', cell: ({ asked }) => String(asked), right: true },
    { name: 'found', cell: ({ found }) => String(Number(found.toPrecision(6))), right: true },
    { name: 'state', cell: ({ held }) => (held ? 'held' : '**broken**') },
  ], results);
}

function changesTable(changes: readonly BaselineChange[]): string {
  const show = (value: number | string): string => (typeof value === 'number' ? String(Number(value.toPrecision(6))) : escapeMarkdown(value));
  return table([
    { name: 'figure', cell: ({ what }: BaselineChange) => escapeMarkdown(what) },
    { name: 'baseline', cell: ({ before }) => show(before), right: true },
    { name: 'now', cell: ({ after }) => show(after), right: true },
    { name: 'verdict', cell: ({ verdict }) => (verdict === 'regressed' ? '**regressed**' : verdict) },
  ], changes);
}

/** A folded part for each model, as long as there is room. */
function fold(reports: readonly ModelReport[], characters: number): string[] {
  const parts: string[] = [];
  let room = characters;
  for (const report of reports) {
    const part = details(report);
    room -= part.length;
    if (room < 0) return [...parts, `Details of ${reports.length - parts.length} more artefacts are in the other reports.`];
    parts.push(part);
  }
  return parts;
}

function details(report: ModelReport): string {
  const { name, format, accuracy, budget, weights, notes, artefact } = report;
  const kept = weights.filter(({ scheme }) => scheme === 'kept');
  const lines = [
    `onnxruntime ${artefact.minOnnxruntime} or newer; SHA-256 <code>${artefact.sha256}</code>`,
    accuracy === null ? 'Accuracy was not measured.' : table([
      { name: 'output', cell: (output: (typeof accuracy.outputs)[number]) => code(output.name) },
      { name: 'lowest cosine', cell: ({ cosine }) => formatCosine(cosine), right: true },
      { name: 'SQNR', cell: ({ sqnr }) => (sqnr === null ? 'exact' : `${sqnr.toFixed(1)} dB`), right: true },
      { name: 'largest error', cell: ({ maxAbsError }) => String(Number(maxAbsError.toPrecision(4))), right: true },
      { name: 'top-1 same', cell: ({ top1Agreement }) => (top1Agreement === null ? '' : formatShare(top1Agreement)), right: true },
    ], accuracy.outputs),
    budget.length === 0 ? '' : budgetTable(budget),
    report.baseline === undefined || report.baseline.length === 0 ? '' : changesTable(report.baseline),
    weights.length === 0 ? '' : `${weights.length - kept.length} of ${weights.length} weights changed; ${formatBytes(kept.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0))} kept as they were.`,
    notes.map((note) => `- ${escapeMarkdown(note)}`).join('\n'),
  ];
  return `<details><summary>${code(name)} as ${format}</summary>\n\n${lines.filter((line) => line !== '').join('\n\n')}\n\n</details>`;
}

function cosineCell(report: ModelReport): string {
  const cosine = lowestCosine(report);
  return cosine === null ? '' : `${formatCosine(cosine)}${report.accuracy?.synthetic ? '\\*' : ''}`;
}

function metricCell({ accuracy }: ModelReport): string {
  const metric = accuracy?.metrics?.find(({ from }) => from !== 'agreement') ?? accuracy?.metrics?.[0];
  if (metric === undefined) return '';
  return `${escapeMarkdown(metric.name)} ${metric.from === 'agreement' ? 'same answer' : `${showMetric(metric.source, metric)} →`} ${showMetric(metric.artefact, metric)}`;
}
