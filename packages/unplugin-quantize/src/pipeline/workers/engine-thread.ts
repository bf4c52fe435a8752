import { Worker } from 'node:worker_threads';
import { QuantizeError } from '../../errors.ts';
import type { FoundEngines, RunModel } from '../../evaluate/index.ts';
import type { EngineAnswers, EngineRequest } from './engine.worker.ts';
import { unwrap, type Outcome } from './transport.ts';

/** The compiled entry; Node 20 runs no TypeScript. */
const ENTRY = new URL('./engine.worker.js', import.meta.url);

type Ask = <Call extends keyof EngineAnswers>(request: Extract<EngineRequest, { call: Call }>) => Promise<EngineAnswers[Call]>;

/**
 * Starts a thread and loads the first engine that is installed. onnxruntime-node blocks the thread that runs a model: in one of its own, results
 * are looked at while it works on the next. The engine opens one model; closing that ends the thread, which keeps the process alive only while it is asked for something.
 */
export async function startEngineThread(): Promise<FoundEngines> {
  const ask = connect(new Worker(ENTRY, { execArgv: [] }));
  const { engines, missing } = await ask({ call: 'find' });
  return {
    engines: engines.map(({ name, version }) => ({ name, version, open: async (model, options) => modelIn(ask, await ask({ call: 'open', model, options })) })),
    missing,
  };
}

function modelIn(ask: Ask, signature: EngineAnswers['open']): RunModel {
  return {
    ...signature,
    copiesFeeds: true,
    run: (feeds, wanted) => ask({ call: 'run', feeds, wanted }),
    close: () => ask({ call: 'close' }),
  };
}

/** Requests are answered in order. */
function connect(worker: Worker): Ask {
  const waiting: { resolve(outcome: unknown): void; reject(error: unknown): void }[] = [];
  const fail = (cause?: unknown): void => {
    const error = new QuantizeError('WORKER_FAILED', `The thread that runs the model ended${cause instanceof Error ? `: ${cause.message}` : ''}.`, {
      hint: 'The usual reasons are too little memory and a crash of onnxruntime.', cause,
    });
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('message', (outcome: unknown) => {
    waiting.shift()?.resolve(outcome);
    if (waiting.length === 0) worker.unref();
  });
  worker.on('error', fail);
  worker.on('exit', () => fail());
  return async (request) => {
    const outcome = await new Promise<unknown>((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(request);
    });
    return unwrap(outcome as Outcome<never>);
  };
}
