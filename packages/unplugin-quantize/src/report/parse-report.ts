import { QuantizeError } from '../errors.ts';
import type { ModelReport } from '../types.ts';
import { findViolation } from './schema/check.ts';
import { REPORT_SCHEMA } from './schema/report-schema.ts';

/**
 * Reads a quantize-report.json.
 *
 * @param name how errors call the file
 * @throws QuantizeError REPORT_INVALID for what is none, or of another version
 */
export function parseReport(text: string, name: string): ModelReport[] {
  const report = parseJson(text, name) as { version?: unknown; models: ModelReport[] };
  if (typeof report === 'object' && report !== null && typeof report.version === 'number' && report.version !== 1) {
    throw new QuantizeError('REPORT_INVALID', `The report has version ${report.version}; this release reads version 1.`, { option: name, hint: 'Use the release that wrote it, or build again.' });
  }
  const violation = findViolation(report, REPORT_SCHEMA);
  if (violation === undefined) return report.models;
  throw new QuantizeError('REPORT_INVALID', `This is no quantize-report.json: ${violation}.`, { option: name });
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuantizeError('REPORT_INVALID', `This is no JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, { option: name, cause });
  }
}
