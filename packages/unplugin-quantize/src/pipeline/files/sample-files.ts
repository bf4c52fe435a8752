import { planSamples } from '../../calibrate/index.ts';
import { QuantizeError, systemErrorCode } from '../../errors.ts';
import type { ValueSignature } from '../../types.ts';
import type { HashMemo } from '../cache/hash.ts';
import type { MeasurePlan } from '../steps/measure-plan.ts';

/** The files that samples are made of: what to watch, and their hashes by name. */
export interface SampleFiles {
  /** Absolute, in the order of their names. */
  paths: string[];
  hashes: Record<string, string>;
  /** Names of the samples that are taken, in order. */
  chosen: string[];
}

/**
 * @param inputs of the model, which decide how many samples files make
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID, OPTION_INVALID
 */
export async function readSampleFiles({ calibration, sampleLimit }: Pick<MeasurePlan, 'calibration' | 'sampleLimit'>, inputs: readonly ValueSignature[], hashes: HashMemo): Promise<SampleFiles> {
  if (calibration === undefined) return { paths: [], hashes: {}, chosen: [] };
  try {
    const { files, items } = await planSamples(calibration, { limit: sampleLimit, inputs });
    const entries: [string, string][] = [];
    for (const { name, path } of files) entries.push([name, (await hashes.digest(path)).sha256]);
    return { paths: files.map(({ path }) => path), hashes: Object.fromEntries(entries), chosen: items };
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined || cause instanceof QuantizeError) throw cause;
    throw new QuantizeError('SAMPLES_NOT_FOUND', `The samples cannot be read (${code}).`, { option: calibration.at.map(({ given }) => given).join(', '), cause });
  }
}
