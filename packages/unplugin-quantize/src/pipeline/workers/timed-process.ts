import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { QuantizeError } from '../../errors.ts';
import type { TimedModel } from '../../evaluate/index.ts';
import type { TimedAnswers, TimedRequest, TimedTask } from './latency.worker.ts';
import { unwrap, type Outcome } from './transport.ts';

/** A model in a process of its own, which `end` ends. */
export interface TimedProcess extends TimedModel {
  energy(): Promise<TimedAnswers['energy']>;
  end(): void;
}

/** The compiled entry; Node 20 runs no TypeScript. */
const ENTRY = fileURLToPath(new URL('./latency.worker.js', import.meta.url));

/**
 * Starts a process for one model and loads its engine.
 *
 * @param name how errors call the model
 * @throws QuantizeError ENGINE_MISSING, WORKER_FAILED
 */
export async function startTimedProcess(task: TimedTask, name: string): Promise<TimedProcess> {
  const child = fork(ENTRY, { execArgv: [], serialization: 'advanced' });
  const ask = (request: TimedRequest): Promise<unknown> => new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      try {
        resolve(unwrap(message as Outcome<unknown>));
      } catch (error) {
        reject(error instanceof QuantizeError ? error.withModel(name) : error);
      }
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      reject(new QuantizeError('WORKER_FAILED', `The process that timed the model ended (${signal ?? `exit code ${code}`}).`, {
        model: name, hint: 'The usual reasons are too little memory and a crash of onnxruntime.',
      }));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(request);
  });
  const call = <K extends keyof TimedAnswers>(name: K) => async (milliseconds = 0): Promise<TimedAnswers[K]> => (await ask({ call: name, milliseconds })) as TimedAnswers[K];
  try {
    await ask({ task });
  } catch (error) {
    child.kill();
    throw error;
  }
  return { open: call('open'), burst: call('burst'), memory: call('memory'), close: call('close'), energy: call('energy'), end: () => void child.kill() };
}
