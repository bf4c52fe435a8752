/** Work that takes memory. */
export type Job = 'facts' | 'quantize' | 'describe' | 'run' | 'runWeb' | 'observe';

interface Peak {
  /** Bytes that it takes with a model of no size. */
  base: number;
  /** Bytes for each byte of the source. */
  perByte: number;
}

const MB = 1e6;

/**
 * What jobs take at most, from above: weights are streamed when models are read and quantized, engines hold them in float32 and their own
 * copies of them, WebAssembly never gives back what it had. `test/scale/memory.test.ts` holds it against processes.
 */
const PEAKS: Record<Job, Peak> = {
  facts: { base: 20 * MB, perByte: 0.05 },
  quantize: { base: 60 * MB, perByte: 0.25 },
  describe: { base: 60 * MB, perByte: 0.5 },
  run: { base: 150 * MB, perByte: 3 },
  runWeb: { base: 320 * MB, perByte: 5 },
  observe: { base: 200 * MB, perByte: 4 },
};

/** @param bytes of the model with its external data */
export function estimatePeak(job: Job, bytes: number): number {
  const { base, perByte } = PEAKS[job];
  return base + perByte * bytes;
}

export interface MemoryGate {
  /** Runs a task when there is room for it, in the order of the calls. One that is larger than the limit runs alone. */
  run<T>(bytes: number, task: () => Promise<T>): Promise<T>;
}

/** @param limit bytes that the running tasks may take together; at least one always runs */
export function createMemoryGate(limit = Infinity): MemoryGate {
  const waiting: { bytes: number; start(): void }[] = [];
  let [running, taken] = [0, 0];

  function admit(): void {
    for (let next = waiting[0]; next !== undefined && (running === 0 || taken + next.bytes <= limit); next = waiting[0]) {
      waiting.shift();
      running++;
      taken += next.bytes;
      next.start();
    }
  }

  return {
    async run(bytes, task) {
      await new Promise<void>((start) => {
        waiting.push({ bytes, start });
        admit();
      });
      try {
        return await task();
      } finally {
        running--;
        taken -= bytes;
        admit();
      }
    },
  };
}
