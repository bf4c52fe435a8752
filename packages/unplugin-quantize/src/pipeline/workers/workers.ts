import { availableParallelism } from 'node:os';
import type { Artefact, QuantizeTask } from '../steps/artefact.ts';
import type { CalibrateTask, OnProgress } from '../steps/calibrate.ts';
import type { CanaryTask, MadeCanary } from '../steps/canary.ts';
import type { DescribeTask } from '../describe.ts';
import type { ModelFacts } from '../facts.ts';
import { withLimits, type Limits } from '../../limits.ts';
import { LIMITS_VARIABLE } from './worker-limits.ts';
import type { FirstFeeds, FirstFeedsTask } from '../steps/first-feeds.ts';
import { createMemoryGate, estimatePeak, type Job } from './memory.ts';
import type { Measured, MeasureProgress, MeasureTask } from '../steps/measure.ts';
import { createPool } from './pool.ts';
import type { ModelDetails } from '../../types.ts';
import type { SensitivityTask } from '../steps/sensitivity.ts';
import type { WrittenFile } from '../cache/write-file.ts';

/** Entry of the thread that talks to a shared cache; here, because this file ends up beside the entries. */
export const REMOTE_WORKER = new URL('./remote.worker.js', import.meta.url);

/** A task on a model whose size is known; without it the work counts as that of a small one. */
interface Sized {
  /** Of the model with its external data. */
  bytes?: number | undefined;
}

/** The work that is kept off the main thread. */
export interface Workers {
  /** Runs in a thread. */
  facts(task: { path: string; name: string } & Sized): Promise<ModelFacts>;
  /** Runs in a thread. */
  quantize(task: QuantizeTask & Sized): Promise<Artefact>;
  /** Runs in a thread. */
  describe(task: DescribeTask & Sized): Promise<ModelDetails>;
  /**
   * Runs in a child process.
   *
   * @param onProgress told now and then
   */
  calibrate(task: CalibrateTask & Sized, onProgress?: OnProgress): Promise<WrittenFile>;
  /**
   * Runs in a child process.
   *
   * @param onProgress told now and then
   */
  measure(task: MeasureTask & Sized, onProgress?: (progress: MeasureProgress) => void): Promise<Measured>;
  /** What latency is measured on. Runs in a child process. */
  firstFeeds(task: FirstFeedsTask & Sized): Promise<FirstFeeds>;
  /** Runs in a child process. */
  canary(task: CanaryTask & Sized): Promise<MadeCanary>;
  /**
   * Runs in a child process.
   *
   * @param onProgress told now and then
   */
  sensitivity(task: SensitivityTask & Sized, onProgress?: OnProgress): Promise<number[]>;
  close(): Promise<void>;
}

/**
 * @param size how many models are worked on side by side; half of the cores unless given
 * @param limits what a model may ask for, over those of this process
 * @param memoryLimit bytes that the work may take together; work waits for its turn
 */
export function createWorkers(size = Math.max(1, Math.floor(availableParallelism() / 2)), limits?: Partial<Limits>, memoryLimit?: number): Workers {
  const gate = createMemoryGate(memoryLimit);
  const gated = <T>(job: Job, { bytes = 0 }: Sized, run: () => Promise<T>): Promise<T> => gate.run(estimatePeak(job, bytes), run);
  const env = { [LIMITS_VARIABLE]: JSON.stringify(withLimits(limits)) };
  const threads = createPool({ entry: new URL('./quantize.worker.js', import.meta.url), runtime: 'worker_threads', size, env });
  // A process keeps what a samples module has imported, and WebAssembly never gives memory back.
  const processes = createPool({ entry: new URL('./measure.worker.js', import.meta.url), runtime: 'child_process', size, env, isolate: true });
  return {
    facts: (task) => gated('facts', task, () => threads.run('facts', task)),
    quantize: (task) => gated('quantize', task, () => threads.run('quantize', task)),
    describe: (task) => gated('describe', task, () => threads.run('describe', task)),
    calibrate: (task, onProgress) => gated('observe', task, () => processes.run('calibrate', task, (message) => {
      const { done, of } = message as { done: number; of: number };
      onProgress?.(done, of);
    })),
    measure: (task, onProgress) => gated(isForWeb(task) ? 'runWeb' : 'run', task, () => processes.run('measure', task, (message) => onProgress?.(message as MeasureProgress))),
    canary: (task) => gated('run', task, () => processes.run('canary', task)),
    firstFeeds: (task) => gated('run', task, () => processes.run('firstFeeds', task)),
    sensitivity: (task, onProgress) => gated('observe', task, () => processes.run('sensitivity', task, (message) => {
      const { done, of } = message as { done: number; of: number };
      onProgress?.(done, of);
    })),
    async close() {
      await Promise.all([threads.close(), processes.close()]);
    },
  };
}

/** onnxruntime-web stands for browsers, and takes more. */
function isForWeb({ targets }: Pick<MeasureTask, 'targets'>): boolean {
  return targets === undefined || targets.some((target) => target === 'wasm' || target === 'webgpu');
}
