import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'vite';
import type { Message, Work } from './worker.ts';

/** Heap that a worker may use; buffers of weights are outside of it and are watched by the worker itself. */
const HEAP_MB = 256;
/** A case that takes longer than this is not waited for; on a machine that others use too, a case may wait itself. */
const HANG_MS = 30_000;

export interface Failure {
  index: number;
  what: string;
}

export interface FuzzResult {
  failures: Failure[];
  /** How many cases ended in which way: `quantized`, `failed`, or the code of a QuantizeError. */
  endings: Record<string, number>;
}

export interface FuzzOptions {
  cases: number;
  seed: number;
  /** Number of the first case. @default 0 */
  from?: number;
  /** Paths of large models to mutate too. */
  models: string[];
  /** Processes side by side. @default 2 */
  processes?: number;
}

/** Compiles the worker to one file, because Node runs no TypeScript. */
export async function buildWorker(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await build({
    configFile: false,
    logLevel: 'error',
    root: import.meta.dirname,
    ssr: { noExternal: true },
    build: { ssr: join(import.meta.dirname, 'worker.ts'), outDir: folder, emptyOutDir: true, target: 'node20', rollupOptions: { output: { entryFileNames: 'worker.mjs' } } },
  });
  return join(folder, 'worker.mjs');
}

/** Runs cases in processes of their own: a crash or a hang of one is a finding, and the next case follows in a new process. */
export async function fuzz({ cases, seed, from = 0, models, processes = 2 }: FuzzOptions): Promise<FuzzResult> {
  const folder = join(import.meta.dirname, '../.cache', `fuzz-worker-${process.pid}`);
  try {
    const worker = await buildWorker(folder);
    const lanes = Array.from({ length: processes }, (_, i) => lane(worker, { seed, from: from + i, to: from + cases, step: processes, models, megabytes: 256, milliseconds: 3000 }));
    const results = await Promise.all(lanes);
    const endings: Record<string, number> = {};
    for (const result of results) for (const [key, count] of Object.entries(result.endings)) endings[key] = (endings[key] ?? 0) + count;
    return { failures: results.flatMap(({ failures }) => failures).sort((a, b) => a.index - b.index), endings };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function lane(worker: string, work: Work): Promise<FuzzResult> {
  const failures: Failure[] = [];
  const endings: Record<string, number> = {};
  for (let from = work.from; from < work.to;) {
    const { last, finished, reason } = await runWorker(worker, { ...work, from }, (message) => {
      if ('index' in message) failures.push({ index: message.index, what: `as ${message.format}: ${message.what}` });
      else if ('ended' in message) endings[message.ended] = (endings[message.ended] ?? 0) + 1;
    });
    if (finished) break;
    if (last === undefined) throw new Error(`The worker did not start a case. ${reason}`);
    failures.push({ index: last, what: reason });
    endings['failed'] = (endings['failed'] ?? 0) + 1;
    from = last + work.step;
  }
  return { failures, endings };
}

function runWorker(worker: string, work: Work, tell: (message: Message) => void): Promise<{ last: number | undefined; finished: boolean; reason: string }> {
  return new Promise((resolve) => {
    let last: number | undefined;
    let finished = false;
    let hung = false;
    let errors = '';
    const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, worker, JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'pipe'] });
    const watch = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, HANG_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      watch.refresh();
      const message = JSON.parse(line) as Message;
      if ('start' in message) last = message.start;
      if ('done' in message) finished = true;
      tell(message);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    child.on('close', (code, signal) => {
      clearTimeout(watch);
      resolve({ last, finished, reason: hung ? `It did not end in ${HANG_MS} ms.` : `The process died (${signal ?? code}): ${errors}` });
    });
  });
}
