import { Worker } from 'node:worker_threads';
import { QuantizeError } from '../../errors.ts';
import { outcomeOf, unwrap, type Outcome } from '../workers/transport.ts';
import type { RemotePlace } from './place.ts';
import type { Transfer } from './transfer.ts';

/** A call of one of the transfer's functions. */
export interface Question {
  id: number;
  call: 'find' | 'download' | 'upload' | 'close';
  args: unknown[];
}

interface Answer {
  id: number;
  outcome: Outcome<unknown> | undefined;
  /** What went wrong at the server, in place of an outcome. */
  failure?: string;
}

export async function answerTo({ id, call, args }: Question, transfer: () => Promise<Transfer>): Promise<Answer> {
  try {
    const run = (await transfer())[call] as (...args: unknown[]) => Promise<unknown>;
    return { id, outcome: { ok: true, value: await run(...args) } };
  } catch (error) {
    if (error instanceof QuantizeError) return { id, outcome: await outcomeOf(() => Promise.reject(error)) };
    return { id, outcome: undefined, failure: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A transfer that works in a thread of its own, which starts with the first call and keeps the process alive only while somebody waits.
 *
 * @param entry the compiled remote.worker; Node 20 runs no TypeScript
 */
export function threadTransfer(place: RemotePlace, entry: URL): Transfer & { end(): Promise<void> } {
  let worker: Worker | undefined;
  let last = 0;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();

  function start(): Worker {
    // The parent's flags are about its own program.
    const started = new Worker(entry, { workerData: { ...place, storage: undefined }, execArgv: [] });
    started.on('message', ({ id, outcome, failure }: Answer) => {
      const waiter = waiting.get(id);
      settled(id);
      if (outcome === undefined) waiter?.reject(new Error(failure));
      else settle(() => unwrap(outcome), waiter);
    });
    started.on('error', fail);
    started.on('exit', () => fail(new Error('its thread ended')));
    return started;
  }

  function fail(error: Error): void {
    for (const [id, { reject }] of waiting) {
      settled(id);
      reject(error);
    }
  }

  function settled(id: number): void {
    waiting.delete(id);
    if (waiting.size === 0) worker?.unref();
  }

  function ask<T>(call: Question['call'], ...args: unknown[]): Promise<T> {
    worker ??= start();
    worker.ref();
    const id = ++last;
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker!.postMessage({ id, call, args } satisfies Question);
    });
  }

  return {
    find: (key) => ask('find', key),
    download: (parts, path) => ask('download', parts, path),
    upload: (upload) => ask('upload', upload),
    close: async () => (worker === undefined ? undefined : ask('close')),
    end: async () => void (await worker?.terminate()),
  };
}

function settle(give: () => unknown, waiter: { resolve(value: unknown): void; reject(error: unknown): void } | undefined): void {
  try {
    waiter?.resolve(give());
  } catch (error) {
    waiter?.reject(error);
  }
}
