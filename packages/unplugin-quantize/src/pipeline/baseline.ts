import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { QuantizeError, systemErrorCode } from '../errors.ts';
import { assertBaseline, baselineText, compareToBaseline, improvementNotes, NO_BASELINE, parseBaseline, withReports, type Baseline } from '../gate/index.ts';
import type { BaselineSpec } from '../options.ts';
import type { ModelReport } from '../types.ts';
import { ownVersion } from './version.ts';
import { replaceFile } from './cache/write-file.ts';

export const BASELINE_FILE = 'quantize.lock.json';

/** Set to anything but 0 and nothing to accept what is found. */
const UPDATE = 'UNPLUGIN_QUANTIZE_UPDATE_BASELINE';

/** The committed figures that artefacts are held against. */
export interface BaselineFile {
  /**
   * The report with what has changed; where the baseline is being updated, or there is none, the report as it is.
   *
   * @param onWorse gets the report with what has changed before the error is thrown
   * @throws QuantizeError BASELINE_BROKEN, BASELINE_INVALID
   */
  hold(report: ModelReport, onWorse?: (report: ModelReport) => void): Promise<ModelReport>;
  /** Writes the figures of these reports where the baseline is to be updated. @throws QuantizeError WRITE_FAILED, BASELINE_INVALID */
  update(reports: readonly ModelReport[]): Promise<void>;
}

/**
 * @param given the option `baseline`
 * @param root absolute path that its path starts from
 */
export function openBaseline(given: string | false | BaselineSpec | undefined, root: string, env: NodeJS.ProcessEnv = process.env): BaselineFile {
  if (given === false) return { hold: (report) => Promise.resolve(report), update: () => Promise.resolve() };
  const { path = BASELINE_FILE, update = isSet(env[UPDATE]), tolerance }: BaselineSpec = typeof given === 'object' ? given : { ...(given !== undefined && { path: given }) };
  const file = resolve(root, path);
  return {
    async hold(report, onWorse) {
      const baseline = update ? undefined : await readBaseline(file, path);
      const changes = baseline && compareToBaseline(baseline, report, tolerance);
      if (baseline === undefined) return report;
      if (changes === undefined) return { ...report, notes: [...report.notes, `The baseline ${path} does not know this artefact: update it (--update-baseline, or ${UPDATE}=1).`] };
      if (changes.some(({ verdict }) => verdict === 'regressed')) onWorse?.({ ...report, baseline: changes });
      assertBaseline(report, changes, path);
      return { ...report, baseline: changes, notes: [...report.notes, ...improvementNotes(changes)] };
    },
    async update(reports) {
      if (!update || reports.length === 0) return;
      const before = (await readBaseline(file, path)) ?? NO_BASELINE;
      await replaceFile(file, baselineText(withReports(before, reports, ownVersion())));
    },
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/** Undefined where there is none. Read each time: a watching build must see that it was updated. */
async function readBaseline(file: string, path: string): Promise<Baseline | undefined> {
  try {
    return parseBaseline(await readFile(file, 'utf8'), path);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === 'ENOENT') return undefined;
    if (code === undefined) throw cause;
    throw new QuantizeError('BASELINE_INVALID', `The baseline cannot be read (${code}).`, { option: path, cause });
  }
}
