import { availableParallelism } from 'node:os';
import type { Artefact, QuantizeTask } from './artefact.ts';
import type { Measured, MeasureTask } from './measure.ts';
import { createPool } from './pool.ts';

/** The work that is kept off the main thread. */
export interface Workers {
  /** Runs in a thread. */
  locate(task: { path: string; name: string }): Promise<string[]>;
  /** Runs in a thread. */
  quantize(task: QuantizeTask): Promise<Artefact>;
  /** Runs in a child process. */
  measure(task: MeasureTask): Promise<Measured>;
  close(): Promise<void>;
}

/** @param size how many models are worked on side by side; half of the cores unless given */
export function createWorkers(size = Math.max(1, Math.floor(availableParallelism() / 2))): Workers {
  const threads = createPool({ entry: new URL('./quantize.worker.js', import.meta.url), runtime: 'worker_threads', size });
  // A process keeps what a samples module has imported, and WebAssembly never gives memory back.
  const processes = createPool({ entry: new URL('./measure.worker.js', import.meta.url), runtime: 'child_process', size, isolate: true });
  return {
    locate: (task) => threads.run('locate', task),
    quantize: (task) => threads.run('quantize', task),
    measure: (task) => processes.run('measure', task),
    async close() {
      await Promise.all([threads.close(), processes.close()]);
    },
  };
}
