import { QuantizeError } from '../../errors.ts';
import { alignColumns, formatBytes, formatCosine, printable } from '../../report/index.ts';
import type { BaselineChange, BaselineTolerance, ModelReport } from '../../types.ts';
import { entryOf, slotOf, type Baseline, type BaselineEntry } from './lock.ts';

/** How far figures may move: sizes and metrics by this share (metrics below 1 by this much), cosines by this much. */
export const BASELINE_TOLERANCE: Required<BaselineTolerance> = { bytes: 0.01, cosine: 0.001, metrics: 0.005 };

/** Metrics that are better when they are smaller; others are better when they are larger. */
const LOWER_IS_BETTER = /^(wer|cer|perplexity|loss|error|mae|mse|rmse)$|[-_](loss|error)$/i;

/**
 * What has changed against the baseline; undefined where it does not know the artefact.
 *
 * - The source is another file, samples are fewer, or a figure is no longer measured: regressed, because the baseline's figures say nothing of it.
 * - Bytes, cosine, metrics: regressed or improved where they move by more than the tolerance. A metric also has to move by more than half of the 95 %
 *   interval of its difference, where that is known: with few samples a difference may be chance.
 * - Format, engine: only told.
 */
export function compareToBaseline(baseline: Baseline, report: ModelReport, asked: BaselineTolerance = {}): BaselineChange[] | undefined {
  const before = baseline.models[report.name]?.[slotOf(report)];
  if (before === undefined) return undefined;
  const after = entryOf(report, before.tool);
  const tolerance = { ...BASELINE_TOLERANCE, ...asked };
  const changes: (BaselineChange | undefined)[] = [
    before.source.sha256 === after.source.sha256 ? undefined : { what: 'source', before: before.source.sha256.slice(0, 12), after: after.source.sha256.slice(0, 12), verdict: 'regressed' },
    before.format === after.format ? undefined : { what: 'format', before: before.format, after: after.format, verdict: 'changed' },
    judge('bytes', before.bytes, after.bytes, after.bytes - before.bytes, before.bytes * tolerance.bytes),
    ...accuracyChanges(before.accuracy, after.accuracy, report, tolerance),
  ];
  return changes.filter((change) => change !== undefined);
}

function accuracyChanges(before: BaselineEntry['accuracy'], after: BaselineEntry['accuracy'], { accuracy }: ModelReport, tolerance: Required<BaselineTolerance>): (BaselineChange | undefined)[] {
  if (before === null) return [];
  if (after === null) return [{ what: 'accuracy', before: 'measured', after: 'not measured', verdict: 'regressed' }];
  const { metrics } = after;
  return [
    before.engine === after.engine ? undefined : { what: 'engine', before: before.engine, after: after.engine, verdict: 'changed' },
    after.samples < before.samples ? { what: 'samples', before: before.samples, after: after.samples, verdict: 'regressed' } : undefined,
    before.cosine === null ? undefined : after.cosine === null
      ? { what: 'cosine', before: before.cosine, after: 'not measured', verdict: 'regressed' }
      : judge('cosine', before.cosine, after.cosine, before.cosine - after.cosine, tolerance.cosine),
    ...Object.keys(before.metrics).sort().map((name): BaselineChange | undefined => {
      const [old, found] = [before.metrics[name]!.artefact, metrics[name]?.artefact];
      if (found === undefined) return { what: name, before: old, after: 'not measured', verdict: 'regressed' };
      const worse = LOWER_IS_BETTER.test(name) ? found - old : old - found;
      const margin = accuracy?.metrics?.find((metric) => metric.name === name)?.margin ?? 0;
      return judge(name, old, found, worse, Math.max(margin, tolerance.metrics * Math.max(1, Math.abs(old))));
    }),
  ];
}

/** @param worse by how much the figure got worse */
function judge(what: string, before: number, after: number, worse: number, allowed: number): BaselineChange | undefined {
  if (Math.abs(worse) <= allowed) return undefined;
  return { what, before, after, verdict: worse > 0 ? 'regressed' : 'improved' };
}

/**
 * Passes unless something regressed.
 *
 * @throws QuantizeError BASELINE_BROKEN with a table of what was and what is
 */
export function assertBaseline(report: ModelReport, changes: readonly BaselineChange[], path: string): void {
  const regressed = changes.filter(({ verdict }) => verdict === 'regressed');
  if (regressed.length === 0) return;
  const rows = [['', 'baseline', 'found', ''], ...changes.map(({ what, before, after, verdict }) => [printable(what), show(what, before), show(what, after), verdict === 'regressed' ? 'REGRESSED' : verdict])];
  throw new QuantizeError('BASELINE_BROKEN', [`${printable(report.name)} as ${slotOf(report)} is worse than its baseline:`, ...alignColumns(rows).map((line) => `  ${line}`)].join('\n'), {
    model: report.name,
    option: path,
    hint: 'Look for what has changed; to accept it, build with the baseline updated (--update-baseline, or UNPLUGIN_QUANTIZE_UPDATE_BASELINE=1) and commit the file.',
  });
}

/** Sentences for what improved, for the report. */
export function improvementNotes(changes: readonly BaselineChange[]): string[] {
  const improved = changes.filter(({ verdict }) => verdict === 'improved').map(({ what, before, after }) => `${what} ${show(what, before)} → ${show(what, after)}`);
  return improved.length === 0 ? [] : [`Better than the baseline (${improved.join(', ')}): update it to hold on to that (--update-baseline, or UNPLUGIN_QUANTIZE_UPDATE_BASELINE=1).`];
}

function show(what: string, value: number | string): string {
  if (typeof value === 'string') return printable(value);
  return what === 'bytes' ? `${formatBytes(value)} (${value} B)` : what === 'cosine' ? formatCosine(value) : String(value);
}
