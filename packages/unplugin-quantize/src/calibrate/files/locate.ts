import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { kindOf, type CalibrationSpec, type Files, type SampleKind } from '../../calibration.ts';
import type { Location } from './find-files.ts';
import { splitPattern } from './glob.ts';

/**
 * Samples with their places made absolute: plain data that travels to other processes. `auto` is a path that still has to be looked at.
 */
export interface LocatedSamples {
  kind: SampleKind | 'auto';
  at: Location[];
  /** Absolute path of the tokenizer.json. */
  tokenizer?: string | undefined;
  /** What was said of the samples; its paths are not used any more. */
  spec: Partial<CalibrationSpec>;
}

/** @param root folder that relative paths start from */
export function locateSamples(calibration: string | CalibrationSpec, root: string): LocatedSamples {
  if (typeof calibration === 'string') return { kind: 'auto', at: [locate(calibration, root)], spec: {} };
  const kind = kindOf(calibration);
  const files = (calibration as unknown as Record<SampleKind, Files>)[kind];
  const tokenizer = 'tokenizer' in calibration && calibration.tokenizer !== undefined ? resolve(root, calibration.tokenizer) : undefined;
  return { kind, at: [files].flat().map((path) => locate(path, root)), ...(tokenizer !== undefined && { tokenizer }), spec: calibration };
}

/** A name that exists is never a pattern, whatever characters it has. */
export function locate(given: string, root: string): Location {
  const literal = resolve(root, given);
  const { base, rest } = splitPattern(given);
  if (rest === undefined || existsSync(literal)) return { base: literal, given };
  return { base: resolve(root, base), pattern: rest, given };
}
