import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSamples, type LocatedSamples } from '../../calibrate/index.ts';
import { findEngines, outputNoise, requireEngine, runSamples, type Engine, type FoundEngines } from '../../evaluate/index.ts';
import type { QuantizeOptions } from '../../quantize/index.ts';
import type { ValueSignature } from '../../types.ts';
import { quantizeToFile } from './artefact.ts';
import { exactly } from '../exactly.ts';

export interface SensitivityTask {
  /** How errors call the model. */
  name: string;
  /** Absolute path of the model; its external data may lie beside it. */
  source: string;
  options: QuantizeOptions;
  /** Path of what a calibration found. */
  observed?: string | undefined;
  calibration: LocatedSamples;
  inputs: ValueSignature[];
  /** Weights to quantize one group at a time, by name. */
  groups: string[][];
}

/** Samples that are enough to put weights in an order. */
const SAMPLES = 8;

/**
 * What quantizing a group of weights, and nothing else, does to the outputs: the largest ratio of squared error to squared value that an output has over
 * the first samples. Errors of several groups add up, as far as they are small and independent.
 *
 * @param onProgress called after each group
 * @returns one number for each group
 * @throws QuantizeError ENGINE_MISSING, ENGINE_REJECTED, SAMPLES_*, MODEL_*
 */
export async function measureSensitivity(task: SensitivityTask, onProgress?: (done: number, of: number) => void, given?: FoundEngines): Promise<number[]> {
  const engine = requireEngine(given ?? (await findEngines()), undefined, 'Sensitivity cannot be measured');
  const samples = await firstSamples(task);
  const reference = await runSamples(engine, task.source, samples);
  const folder = await mkdtemp(join(tmpdir(), 'unplugin-quantize-'));
  try {
    const found: number[] = [];
    for (const [i, group] of task.groups.entries()) {
      found.push(outputNoise(reference, await runWith(engine, task, group, join(folder, `${i}.onnx`), samples)));
      onProgress?.(i + 1, task.groups.length);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function firstSamples({ calibration, inputs }: SensitivityTask): Promise<unknown[]> {
  const samples: unknown[] = [];
  for await (const sample of openSamples(calibration, { limit: SAMPLES, inputs })) samples.push(sample);
  return samples;
}

async function runWith(engine: Engine, { source, name, options, observed }: SensitivityTask, group: readonly string[], out: string, samples: readonly unknown[]): ReturnType<typeof runSamples> {
  try {
    const { sessionOptions } = quantizeToFile({ path: source, name, options: { ...options, include: exactly(group) }, observed, out, isHashed: false });
    return await runSamples(engine, out, samples, sessionOptions);
  } finally {
    await rm(out, { force: true });
  }
}
