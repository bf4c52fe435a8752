import { reportJson } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { replaceFile } from './write-file.ts';

/**
 * Writes quantize-report.json as a whole or not at all.
 *
 * @throws QuantizeError WRITE_FAILED
 */
export function writeReport(path: string, reports: readonly ModelReport[]): Promise<void> {
  return replaceFile(path, reportJson(reports));
}
