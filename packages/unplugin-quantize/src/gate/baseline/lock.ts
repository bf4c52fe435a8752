import { QuantizeError } from '../../errors.ts';
import type { ModelReport } from '../../types.ts';

/** What is known of one artefact, as it is committed. Figures have six digits, so that the file changes only where something did. */
export interface BaselineEntry {
  format: string;
  bytes: number;
  sha256: string;
  source: { bytes: number; sha256: string };
  accuracy: { engine: string; samples: number; cosine: number | null; metrics: Record<string, { source: number; artefact: number; answers: number | null }> } | null;
  /** Version of this package. */
  tool: string;
}

/** A baseline; fields that a later version may add are kept as they are. */
export interface Baseline {
  version: 1;
  /** By the model's name, then by what was asked for: `int8 for wasm, webgpu`. */
  models: Record<string, Record<string, BaselineEntry>>;
}

export const NO_BASELINE: Baseline = { version: 1, models: {} };

/** Where the entry of an artefact is. */
export function slotOf({ requestedFormat, targets, needs }: ModelReport): string {
  const purpose = targets === undefined || targets.length === 0 ? '' : ` for ${[...targets].sort().join(', ')}`;
  return requestedFormat + purpose + (needs === undefined ? '' : ` with ${needs}`);
}

/** @param tool version of this package */
export function entryOf({ format, artefact, source, accuracy }: ModelReport, tool: string): BaselineEntry {
  const cosines = (accuracy?.outputs ?? []).map(({ cosine }) => cosine);
  const metrics = (accuracy?.metrics ?? []).map(({ name, source: before, artefact: after, answers }) => [name, { source: round(before), artefact: round(after), answers }] as const);
  return {
    format,
    bytes: artefact.bytes,
    sha256: artefact.sha256,
    source: { bytes: source.bytes, sha256: source.sha256 },
    accuracy: accuracy === null ? null : {
      engine: `${accuracy.engine} ${accuracy.engineVersion}`,
      samples: accuracy.samples,
      cosine: cosines.length === 0 ? null : round(Math.min(...cosines)),
      metrics: Object.fromEntries(metrics),
    },
    tool,
  };
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}

/**
 * @param path how errors call the file
 * @throws QuantizeError BASELINE_INVALID
 */
export function parseBaseline(text: string, path: string): Baseline {
  const refuse = (what: string, hint: string, cause?: unknown): never => {
    throw new QuantizeError('BASELINE_INVALID', what, { option: path, hint, cause });
  };
  const redo = 'Take the file of one side, build with the baseline updated (--update-baseline, or UNPLUGIN_QUANTIZE_UPDATE_BASELINE=1), and look at what changes.';
  if (/^(<{7}|>{7}) /m.test(text)) refuse('The baseline has marks of a merge that was not finished.', redo);
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    refuse('The baseline is no JSON.', redo, cause);
  }
  if (!isTable(found) || typeof found['version'] !== 'number') return refuse('The baseline has no version.', redo);
  if (found['version'] !== 1) refuse(`The baseline has version ${found['version']}, and this release reads version 1.`, 'Update unplugin-quantize.');
  const { models } = found;
  if (!isTable(models)) return refuse('The baseline has no models.', redo);
  for (const [name, slots] of Object.entries(models)) {
    if (!isTable(slots)) refuse(`The baseline of "${name}" is no object.`, redo);
    for (const [slot, entry] of Object.entries(slots as object)) if (!isEntry(entry)) refuse(`The baseline of "${name}" as ${slot} is incomplete.`, redo);
  }
  return found as unknown as Baseline;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEntry(entry: unknown): boolean {
  if (!isTable(entry) || typeof entry['bytes'] !== 'number' || !isTable(entry['source']) || typeof entry['source']['sha256'] !== 'string') return false;
  const { accuracy } = entry;
  return accuracy === null || (isTable(accuracy) && typeof accuracy['samples'] === 'number' && isTable(accuracy['metrics'])
    && Object.values(accuracy['metrics']).every((metric) => isTable(metric) && typeof metric['artefact'] === 'number'));
}

/** The baseline with the figures of these reports in place of older ones; what it knows of other models, and fields it has beyond these, stay. */
export function withReports(baseline: Baseline, reports: readonly ModelReport[], tool: string): Baseline {
  const models = { ...baseline.models };
  for (const report of reports) {
    const slots = models[report.name] ?? {};
    const slot = slotOf(report);
    models[report.name] = { ...slots, [slot]: { ...slots[slot], ...entryOf(report, tool) } };
  }
  return { ...baseline, models };
}

/** JSON with keys in the order of their code units at every depth: two branches that add models merge, and nothing moves. */
export function baselineText(baseline: Baseline): string {
  return `${JSON.stringify(sorted(baseline), null, 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
