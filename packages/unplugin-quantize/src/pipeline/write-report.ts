import { resolve } from 'node:path';
import type { ReportFile, ReportKind } from '../report-files.ts';
import { reportHtml, reportJson, reportMarkdown } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { replaceFile } from './cache/write-file.ts';

const WRITERS: Record<ReportKind, (reports: readonly ModelReport[]) => string> = { json: reportJson, html: reportHtml, md: reportMarkdown };

/**
 * Writes reports, each as a whole or not at all.
 *
 * @param root absolute path that their paths start from
 * @throws QuantizeError WRITE_FAILED
 */
export async function writeReports(files: readonly ReportFile[], root: string, reports: readonly ModelReport[]): Promise<void> {
  for (const { kind, path } of files) await replaceFile(resolve(root, path), WRITERS[kind](reports));
}
