import type { ResourceLimits } from 'node:worker_threads';
import type { Tinypool } from 'tinypool';
import { QuantizeError } from '../../errors.ts';
import { unwrap, type Outcome } from './transport.ts';

export interface PoolOptions {
  /** The compiled entry; Node 20 runs no TypeScript. */
  entry: URL;
  runtime: 'worker_threads' | 'child_process';
  /** The largest number of workers; none starts before there is work. */
  size: number;
  /** Give each task a worker of its own: nothing of an earlier task's modules and memory is left. */
  isolate?: boolean | undefined;
  /** Limits of a thread's heap; Node's own unless given. */
  resourceLimits?: ResourceLimits | undefined;
  /** Variables of the workers' environment besides those of this process. */
  env?: Record<string, string> | undefined;
}

/** Workers that start with the first task, end when idle, and never keep the process alive. */
export interface Pool {
  /**
   * Runs an exported function of the entry.
   *
   * @param onMessage takes what a task in a child process sends with process.send
   * @throws QuantizeError what the task threw, or WORKER_FAILED when the worker itself ended
   */
  run<T>(exported: string, task: { name: string }, onMessage?: (message: unknown) => void): Promise<T>;
  close(): Promise<void>;
}

/** A dev server asks for model after model; starting a worker for each would cost more than keeping one this long. */
const IDLE_MS = 5_000;

export function createPool({ entry, runtime, size, isolate = false, resourceLimits, env }: PoolOptions): Pool {
  let started: Promise<Tinypool> | undefined;
  const closing = new AbortController();
  // A worker that cannot even start is told to the pool only: whoever waits must hear of it.
  const waiting = new Set<(error: unknown) => void>();

  async function start(): Promise<Tinypool> {
    const { Tinypool } = await import('tinypool');
    const pool = new Tinypool({
      filename: entry.href,
      runtime,
      minThreads: 0,
      maxThreads: size,
      idleTimeout: IDLE_MS,
      isolateWorkers: isolate,
      resourceLimits,
      // JSON would turn NaN into null.
      serialization: 'advanced',
      // The parent's flags are about its own program: --inspect would ask for the same port, --input-type refuses a file.
      execArgv: [],
      // Child processes would have none otherwise.
      env: { ...processEnvironment(), ...env },
    });
    pool.on('error', (error: unknown) => waiting.forEach((reject) => reject(error)));
    return pool;
  }

  return {
    async run<T>(exported: string, task: { name: string }, onMessage?: (message: unknown) => void) {
      const pool = await (started ??= start());
      let reject!: (error: unknown) => void;
      const failure = new Promise<never>((_, fail) => waiting.add((reject = fail)));
      const release = stayAlive();
      try {
        return unwrap((await Promise.race([pool.run(task, { name: exported, ...(onMessage && { channel: { postMessage: onMessage } }) }), failure])) as Outcome<T>);
      } catch (error) {
        throw error instanceof QuantizeError ? error : workerFailed(error, task.name, closing.signal.aborted);
      } finally {
        release();
        waiting.delete(reject);
      }
    },
    async close() {
      closing.abort();
      const release = stayAlive();
      try {
        await (await started)?.destroy();
      } finally {
        release();
      }
    },
  };
}

/**
 * Keeps the process alive until the returned function is called. tinypool lets go of workers that start or end, so that nothing
 * else would hold a process whose only work is to wait for one: Node would end it with exit code 13.
 */
function stayAlive(): () => void {
  const timer = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(timer);
}

function workerFailed(cause: unknown, model: string, isClosing: boolean): QuantizeError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (isClosing) return new QuantizeError('WORKER_FAILED', 'The work was given up because the build ended.', { model, cause });
  return new QuantizeError('WORKER_FAILED', `A worker ended before its work was done: ${message}`, {
    model,
    hint: 'The usual reasons are too little memory and a crash of onnxruntime. Fewer workers need less memory; `verify: false` leaves onnxruntime out.',
    cause,
  });
}

function processEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
