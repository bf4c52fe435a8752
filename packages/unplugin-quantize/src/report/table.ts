import { styleText } from 'node:util';
import type { ModelReport } from '../types.ts';
import { firstVisitLines } from './first-visit.ts';
import { purposeOf } from './purpose.ts';
import { formatBytes, formatChange, formatCosine, formatShare } from './size.ts';
import { alignColumns, printable } from './text.ts';

export interface TableOptions {
  /** Whether to write ANSI colours; the caller knows its terminal. */
  color: boolean;
}

type Style = Parameters<typeof styleText>[0];

interface Column {
  cell(report: ModelReport): string;
  style(report: ModelReport): Style;
  align?: 'right';
}

const isHeld = ({ budget }: ModelReport): boolean => budget.every(({ held }) => held);
const isSmaller = ({ source, artefact }: ModelReport): boolean => artefact.bytes < source.bytes;

/** The table from left to right. Colours follow Vite: names cyan, sizes dim and bold. */
const COLUMNS: readonly Column[] = [
  { cell: ({ name }) => printable(name), style: () => 'cyan' },
  { cell: purposeOf, style: () => 'dim' },
  { cell: ({ source }) => formatBytes(source.bytes), style: () => 'dim', align: 'right' },
  { cell: () => '→', style: () => 'dim' },
  { cell: ({ artefact }) => formatBytes(artefact.bytes), style: () => 'bold', align: 'right' },
  { cell: ({ source, artefact }) => formatChange(source.bytes, artefact.bytes), style: (report) => (isSmaller(report) ? 'green' : 'yellow'), align: 'right' },
  { cell: ({ format, requestedFormat }) => (format === requestedFormat ? format : `${format} (asked ${requestedFormat})`), style: () => 'magenta' },
  { cell: compressedCell, style: () => 'dim' },
  { cell: latencyCell, style: () => 'dim' },
  { cell: cosineCell, style: () => 'dim' },
  { cell: top1Cell, style: () => 'dim' },
  { cell: budgetCell, style: (report) => (isHeld(report) ? 'green' : 'red') },
];

/**
 * One line for each model in the way Vite prints its files, then the notes:
 *
 *     det.onnx  wasm  4.75 MB  →  1.33 MB  −72.0 %  int8  cos 0.9991  top-1 98.4 %  ✓ budget
 *       note text
 *     first visit (wasm)  1.33 MB + onnxruntime-web 14.24 MB = 15.57 MB
 *
 * The figures of accuracy are the lowest of all outputs; `*` marks generated input. Empty without reports.
 */
export function formatTable(reports: readonly ModelReport[], { color }: TableOptions): string {
  const paint = (style: Style, text: string): string => (color ? styleText(style, text, { validateStream: false }) : text);
  const right = COLUMNS.flatMap(({ align }, column) => (align === 'right' ? [column] : []));
  const rows = reports.map((report) => COLUMNS.map(({ cell }) => cell(report)));
  const lines = alignColumns(rows, right, (cell, column, row) => paint(COLUMNS[column]!.style(reports[row]!), cell));
  const notes = reports.flatMap(({ name, notes: own }) => own.map((note) => paint('yellow', `  ${printable(name)}: ${printable(note)}`)));
  const visits = firstVisitLines(reports).map((line) => paint('dim', line));
  return [...lines, ...notes, ...visits].join('\n');
}

function compressedCell({ artefact }: ModelReport): string {
  return artefact.compressed === undefined ? '' : `br ${formatBytes(artefact.compressed.brotli)}`;
}

/** The ratio with its 95 % interval: one that holds 1 is no difference. */
function latencyCell({ latency }: ModelReport): string {
  if (latency === undefined) return '';
  const { ratio, low, high } = latency.ratio.latency;
  return `time ×${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function cosineCell({ accuracy }: ModelReport): string {
  if (accuracy === null || accuracy.outputs.length === 0) return '';
  return `cos ${formatCosine(Math.min(...accuracy.outputs.map(({ cosine }) => cosine)))}${accuracy.synthetic ? '*' : ''}`;
}

function top1Cell({ accuracy }: ModelReport): string {
  const shares = (accuracy?.outputs ?? []).flatMap(({ top1Agreement }) => (top1Agreement === null ? [] : [top1Agreement]));
  return shares.length === 0 ? '' : `top-1 ${formatShare(Math.min(...shares))}${accuracy?.synthetic ? '*' : ''}`;
}

function budgetCell(report: ModelReport): string {
  if (report.budget.length === 0) return '';
  return isHeld(report) ? '✓ budget' : `✗ budget (${report.budget.filter(({ held }) => !held).map(({ limit }) => limit).join(', ')})`;
}
