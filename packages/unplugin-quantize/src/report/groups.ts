import { formatCosine, formatShare } from './size.ts';
import type { Attempt, ModelReport, TaskMetric } from '../types.ts';
import type { ParetoData, ParetoPoint } from './html/charts/pareto.ts';

/** All artefacts of one model, in the order of the report. */
export interface ModelGroup {
  name: string;
  /** What links of the page name it by: nothing of the model's own name. */
  id: string;
  reports: ModelReport[];
}

export function groupByModel(reports: readonly ModelReport[]): ModelGroup[] {
  const groups = new Map<string, ModelReport[]>();
  for (const report of reports) groups.set(report.name, [...(groups.get(report.name) ?? []), report]);
  return [...groups].map(([name, own], i) => ({ name, id: `model-${i + 1}`, reports: own }));
}

export function lowestCosine({ accuracy }: Pick<ModelReport, 'accuracy'>): number | null {
  return accuracy === null || accuracy.outputs.length === 0 ? null : Math.min(...accuracy.outputs.map(({ cosine }) => cosine));
}

/** Something that was made of a model: an artefact, or an attempt on the way to it. */
interface Made {
  name: string;
  bytes: number;
  cosine: number | null;
  /** The lowest of all outputs, infinity for exact ones; null where it was not measured. */
  sqnr: number | null;
  metrics: readonly TaskMetric[];
  kind: ParetoPoint['kind'];
}

/** Artefacts and attempts by size and by the figure that all have: the first metric of their task, else the noise in their outputs, else the lowest cosine. */
export function paretoData({ reports }: ModelGroup): ParetoData | undefined {
  const used = reports.map((report): Made => ({ name: labelOf(report, reports), bytes: report.artefact.bytes, cosine: lowestCosine(report), sqnr: lowestSqnr(report), metrics: report.accuracy?.metrics ?? [], kind: 'used' }));
  const tried = reports.flatMap((report) => (report.attempts ?? []).filter((attempt) => !isUsed(attempt, report)));
  const made = [...used, ...tried.map(({ format, half = 0, ...rest }): Made => ({ name: `${format}${half > 0 ? ` with ${half} in half` : ''}, tried`, sqnr: null, kind: 'tried', ...rest }))];
  const bytes = reports[0]!.source.bytes;
  const metric = made[0]!.metrics.find(({ name, from }) => from !== 'agreement' && made.every((each) => metricOf(each, name) !== undefined));
  if (metric !== undefined) return { measure: metric.name, scale: 'linear', points: metricPoints(made, metric, bytes) };
  if (made.every(({ sqnr }) => sqnr !== null)) return { measure: 'signal to noise of outputs', scale: 'decibels', points: sqnrPoints(made, bytes) };
  const points = cosinePoints(made, bytes);
  return points.length < 2 ? undefined : { measure: 'lowest cosine', scale: 'similarity', points };
}

function lowestSqnr({ accuracy }: ModelReport): number | null {
  return accuracy === null || accuracy.outputs.length === 0 ? null : Math.min(...accuracy.outputs.map(({ sqnr }) => sqnr ?? Infinity));
}

function sqnrPoints(made: readonly Made[], sourceBytes: number): ParetoPoint[] {
  const points = made.map(({ name, bytes, sqnr, kind }): ParetoPoint => ({ name, bytes, value: sqnr!, text: sqnr === Infinity ? 'exact' : `${sqnr!.toFixed(1)} dB`, kind }));
  return [...points, { name: 'source', bytes: sourceBytes, value: Infinity, text: 'exact', kind: 'source' }];
}

function isUsed({ format, bytes }: Attempt, report: ModelReport): boolean {
  return format === report.format && bytes === report.artefact.bytes;
}

function metricOf({ metrics }: Pick<Made, 'metrics'>, name: string): TaskMetric | undefined {
  return metrics.find((metric) => metric.name === name);
}

function cosinePoints(made: readonly Made[], sourceBytes: number): ParetoPoint[] {
  const found = made.flatMap(({ name, bytes, cosine, kind }): ParetoPoint[] => (cosine === null ? [] : [{ name, bytes, value: cosine, text: `cosine ${formatCosine(cosine)}`, kind }]));
  return found.length === 0 ? [] : [...found, { name: 'source', bytes: sourceBytes, value: 1, text: 'by definition', kind: 'source' }];
}

function metricPoints(made: readonly Made[], asked: TaskMetric, sourceBytes: number): ParetoPoint[] {
  const found = made.map((each): ParetoPoint => {
    const metric = metricOf(each, asked.name)!;
    return { name: each.name, bytes: each.bytes, value: metric.artefact, margin: metric.margin ?? undefined, text: `${metric.name} ${showMetric(metric.artefact, metric)}`, kind: each.kind };
  });
  return [...found, { name: 'source', bytes: sourceBytes, value: asked.source, text: `${asked.name} ${showMetric(asked.source, asked)}`, kind: 'source' }];
}

/** Shares as per cent; figures of an evaluator may be anything. */
export function showMetric(value: number, { from }: TaskMetric): string {
  return from === 'evaluate' ? String(Number(value.toPrecision(5))) : formatShare(value);
}

/** The format and, among several artefacts, what each is for. */
export function labelOf({ format, targets = [] }: ModelReport, among: readonly ModelReport[]): string {
  return among.length > 1 && targets.length > 0 ? `${format} (${targets.join(', ')})` : format;
}
