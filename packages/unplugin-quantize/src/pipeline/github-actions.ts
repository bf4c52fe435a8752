import { appendFile } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { QuantizeError } from '../errors.ts';
import { annotation, budgetWarnings, reportMarkdown } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { writeFailed } from './cache/write-file.ts';

/** Steps may add 1 MiB of summary; what is longer is refused as a whole. */
const MOST_BYTES = 1_000_000;

function isActions(): boolean {
  return process.env['GITHUB_ACTIONS'] === 'true';
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/**
 * In a GitHub workflow the refusal is shown beside the run, and on the model's file where it is in the repository; nothing elsewhere.
 *
 * @param path absolute path of the model
 */
export function annotateError(error: unknown, path?: string): void {
  if (!isActions()) return;
  const workspace = process.env['GITHUB_WORKSPACE'];
  const inside = workspace === undefined || path === undefined ? undefined : relative(workspace, path);
  const file = inside === undefined || inside.startsWith('..') || isAbsolute(inside) ? undefined : inside.split(sep).join('/');
  const isOurs = error instanceof QuantizeError;
  const message = error instanceof Error ? error.message : String(error);
  print([annotation('error', message, { title: isOurs ? `unplugin-quantize: ${error.code}` : 'unplugin-quantize', file })]);
}

/** The same for what goes on. */
export function annotateWarning(message: string): void {
  if (isActions()) print([annotation('warning', message, { title: 'unplugin-quantize' })]);
}

/**
 * In a GitHub workflow the models are added to the summary of the job, and limits that may be broken are shown beside the run.
 *
 * @throws QuantizeError WRITE_FAILED
 */
export async function summarizeForGitHub(reports: readonly ModelReport[]): Promise<void> {
  if (!isActions() || reports.length === 0) return;
  print(budgetWarnings(reports));
  const path = process.env['GITHUB_STEP_SUMMARY'];
  if (path === undefined || path === '') return;
  const text = `${reportMarkdown(reports)}\n`;
  if (Buffer.byteLength(text) > MOST_BYTES) return;
  try {
    await appendFile(path, text);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}
