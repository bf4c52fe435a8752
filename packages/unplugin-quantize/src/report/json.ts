import type { ModelReport } from '../types.ts';

/** Rises when a field of quantize-report.json changes its meaning or goes away; new fields do not count. */
const VERSION = 1;
/** Where a project has the schema, so that editors need no network; it is right for a report in the project's root. */
const SCHEMA = './node_modules/unplugin-quantize/dist/report.schema.json';

/**
 * The text of quantize-report.json: `{ $schema, version, models }`, one entry for each artefact, sorted by name, targets, format and hash, so that the same build gives the
 * same bytes. Ends with a line break.
 */
export function reportJson(reports: readonly ModelReport[]): string {
  const models = sortReports(reports);
  return `${JSON.stringify({ $schema: SCHEMA, version: VERSION, models }, null, 2)}\n`;
}

/** The order of models in every report. */
export function sortReports(reports: readonly ModelReport[]): ModelReport[] {
  return reports.toSorted((a, b) => compare(sortKey(a), sortKey(b)));
}

function sortKey({ name, targets = [], requestedFormat, format, artefact }: ModelReport): string[] {
  return [name, targets.join(), requestedFormat, format, artefact.sha256];
}

function compare(a: readonly string[], b: readonly string[]): number {
  const i = a.findIndex((part, at) => part !== b[at]);
  return i === -1 ? 0 : a[i]! < b[i]! ? -1 : 1;
}
