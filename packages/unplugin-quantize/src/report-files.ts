import { QuantizeError } from './errors.ts';

export type ReportKind = 'json' | 'html' | 'md';

/** A report that is to be written. */
export interface ReportFile {
  kind: ReportKind;
  /** As it was given: relative to the project's root. */
  path: string;
}

const KINDS: readonly ReportKind[] = ['json', 'html', 'md'];
const ENDINGS: readonly [RegExp, ReportKind][] = [[/\.html?$/i, 'html'], [/\.(md|markdown)$/i, 'md']];

/**
 * The files that the option `report` asks for: a kind alone stands for quantize-report with that ending, the ending of a path decides
 * its kind, and what has neither is JSON.
 *
 * @throws QuantizeError OPTION_INVALID
 */
export function reportFiles(option: string | readonly string[] | false = 'json'): ReportFile[] {
  if (option === false) return [];
  const entries: unknown[] = [option].flat();
  return [...new Set(entries)].map((entry) => {
    if (typeof entry !== 'string' || entry === '') {
      const found = JSON.stringify(entry) ?? typeof entry;
      throw new QuantizeError('OPTION_INVALID', `"report" has ${found}, which is no path.`, { option: 'report', hint: "Say false, a path, or a list of 'json', 'html', 'md' and paths." });
    }
    const kind = KINDS.find((known) => known === entry);
    return kind === undefined ? { kind: kindOf(entry), path: entry } : { kind, path: `quantize-report.${kind}` };
  });
}

export function kindOf(path: string): ReportKind {
  return ENDINGS.find(([ending]) => ending.test(path))?.[1] ?? 'json';
}
