import { resolve } from 'node:path';
import { locateSamples } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import { speedFigures, speedRatios } from '../evaluate/index.ts';
import { timeModels, type TimedResult } from '../pipeline/steps/latency.ts';
import { createWorkers } from '../pipeline/workers/workers.ts';
import { checkKey } from '../options.ts';
import type { EngineName } from '../types.ts';
import { aboutModel } from './about-model.ts';
import { formatBench, type BenchResult } from './format-bench.ts';
import { print } from './print.ts';

export interface BenchArguments {
  models: readonly string[];
  /** Where samples are, of which the first is run; without it inputs are generated. */
  samples: string | undefined;
  backend: string;
  threads: number | undefined;
  seconds: number | undefined;
  json: boolean;
}

const ENGINES: Record<string, EngineName> = { node: 'onnxruntime-node', wasm: 'onnxruntime-web' };

/**
 * Times models in turn, each in a process of its own, and prints speed and memory with the ratio to the first one.
 *
 * @throws QuantizeError for models, samples and flags that are not usable
 */
export async function runBench({ models, samples, backend, threads, seconds, json }: BenchArguments): Promise<void> {
  checkKey(backend, Object.keys(ENGINES), 'backend');
  checkCount('--threads', threads);
  checkCount('--seconds', seconds);
  const sizes = models.map((model) => aboutModel(model).bytes);
  const calibration = samples === undefined ? undefined : locateSamples(samples, '.');
  const [name = ''] = models;
  const workers = createWorkers(1);
  try {
    const { engine, engineVersion, feeds, rows, synthetic } = await workers.firstFeeds({ name, source: resolve(name), calibration, engine: ENGINES[backend] });
    const files = models.map((model) => ({ name: model, path: resolve(model), sessionOptions: {} }));
    const timed = await timeModels(files, { engine, feeds, threads, seconds });
    const [first] = timed as [TimedResult];
    const result: BenchResult = {
      engine, engineVersion, synthetic,
      // WebAssembly runs with one thread here.
      threads: engine === 'onnxruntime-web' ? 1 : (threads ?? null),
      rounds: first.times.rounds.length,
      models: timed.map(({ times, energy }, i) => ({
        name: models[i]!, bytes: sizes[i]!, ...speedFigures(times, rows), energy, ratio: i === 0 ? null : speedRatios(first.times, times),
      })),
    };
    print(json ? JSON.stringify(result, null, 2) : formatBench(result));
  } finally {
    await workers.close();
  }
}

function checkCount(flag: string, value: number | undefined): void {
  if (value === undefined || (Number.isFinite(value) && value > 0 && (flag !== '--threads' || Number.isInteger(value)))) return;
  throw new QuantizeError('OPTION_INVALID', `${flag} is ${value}, which is not a number above 0.`, { option: flag });
}
