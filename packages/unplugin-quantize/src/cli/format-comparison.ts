import { alignColumns, formatBytes, formatChange, formatCosine, formatShare, printable } from '../report/index.ts';
import type { CompressedPair } from '../pipeline/steps/extras.ts';
import type { AccuracyReport, BudgetResult, LatencyReport, OutputAccuracy, TaskMetric } from '../types.ts';

/** What `compare --json` prints. */
export interface ComparedModels {
  /** The reference first. */
  models: [{ name: string; bytes: number }, { name: string; bytes: number }];
  /** Null where nothing could be compared; the notes say why. */
  accuracy: AccuracyReport | null;
  /** Where a limit asks for them. */
  compressed?: CompressedPair;
  latency?: LatencyReport;
  notes: string[];
  budget: BudgetResult[];
}

const OUTPUT_HEAD = ['output', 'cosine', 'mean', 'SQNR', 'max error', 'mean error', 'top-1', 'top-5', 'KL', 'worst sample'];
const RIGHT = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The comparison as text for a terminal: sizes, a line for each output, metrics of the task, notes. */
export function formatComparison({ models: [reference, model], accuracy, compressed, latency, notes, budget }: ComparedModels): string {
  const sizes = [['', 'size', ''], [printable(reference.name), formatBytes(reference.bytes), ''], [printable(model.name), formatBytes(model.bytes), formatChange(reference.bytes, model.bytes)]];
  return [
    ...alignColumns(sizes, [1, 2]),
    ...(accuracy === null ? [] : describeAccuracy(accuracy)),
    ...(compressed === undefined ? [] : [`brotli ${formatBytes(compressed.source.brotli)} → ${formatBytes(compressed.artefact.brotli)}, gzip ${formatBytes(compressed.source.gzip)} → ${formatBytes(compressed.artefact.gzip)}`]),
    ...(latency === undefined ? [] : [describeLatency(latency)]),
    ...notes.map((note) => printable(note)),
    ...(budget.length > 0 && budget.every(({ held }) => held) ? ['✓ budget'] : []),
  ].join('\n');
}

function describeAccuracy({ outputs, metrics = [], engine, engineVersion, samples, synthetic }: AccuracyReport): string[] {
  const inputs = synthetic ? 'generated input' : `${samples} sample${samples === 1 ? '' : 's'}`;
  return [
    '', ...(outputs.length === 0 ? [] : alignColumns(withHead(outputs.map(outputRow)), RIGHT)),
    ...(metrics.length === 0 ? [] : ['', ...alignColumns([['metric', 'first', 'second', '95 %', ''], ...metrics.map(metricRow)], [1, 2])]),
    '', `${engine} ${engineVersion}, ${inputs}`,
  ];
}

function describeLatency({ source, artefact, ratio: { latency: { ratio, low, high } } }: LatencyReport): string {
  return `latency ${source.median.toFixed(2)} ms → ${artefact.median.toFixed(2)} ms, ×${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** Columns that say nothing have no head either, so that they are left out. */
function withHead(rows: readonly string[][]): string[][] {
  return [OUTPUT_HEAD.map((head, column) => (rows.some((row) => row[column] !== '') ? head : '')), ...rows];
}

function outputRow({ name, cosine, meanCosine, sqnr, maxAbsError, meanAbsError, top1Agreement, top5Agreement, klDivergence, worstSample }: OutputAccuracy): string[] {
  return [
    printable(name), formatCosine(cosine), formatCosine(meanCosine), sqnr === null ? 'equal' : `${sqnr.toFixed(1)} dB`, figure(maxAbsError), figure(meanAbsError),
    share(top1Agreement), share(top5Agreement), klDivergence == null ? '' : figure(klDivergence), String(worstSample),
  ];
}

const SOURCES: Record<TaskMetric['from'], string> = { labels: 'labels', agreement: 'answers of the first, which count as right', evaluate: '' };

function metricRow({ name, source, artefact, margin, answers, from }: TaskMetric): string[] {
  return [printable(name), figure(source), figure(artefact), margin === null ? '' : `± ${figure(margin)}`, answers === null ? '' : `${answers} ${SOURCES[from]}`];
}

function share(value: number | null | undefined): string {
  return value == null ? '' : formatShare(value);
}

/** Three significant digits; the largest number stands for values that cannot be compared. */
function figure(value: number): string {
  return value === Number.MAX_VALUE ? '∞' : String(Number(value.toPrecision(3)));
}
