import type { QuantizedModel } from '../types.ts';
import { abortable } from './abort.ts';
import { RuntimeError } from './errors.ts';
import type { RunArguments, RunResults } from './host.ts';
import type { CreateSessionOptions, QuantizeSession } from './types.ts';
import { unpackError, type Answer, type Facts, type OpenMessage, type Request, type RunAnswer, type SentOptions } from './worker-messages.ts';
import { receivedTensor, sentTensor } from './worker-tensor.ts';

/** Milliseconds that a worker may take to load its file. */
const LONGEST_SILENCE = 60_000;

/** The page's end of a session in a worker. */
interface Link {
  /** The answer to come; `null` stands for the opening of the session. */
  answerTo(id: number | null): Promise<Answer>;
  tell(request: Request): void;
  close(): void;
}

/**
 * A session that lives in a worker. A worker that is made by a function ends with its session.
 * @throws RuntimeError WORKER_FAILED and as createSession; the reason of `options.signal` when that is aborted
 */
export async function openInWorker(model: QuantizedModel | string, options: CreateSessionOptions): Promise<QuantizeSession> {
  const { worker: given, signal, onProgress: _, onWarning: __, onFallback, ...rest } = options;
  signal?.throwIfAborted();
  const { port1, port2 } = new MessageChannel();
  const message: OpenMessage = { unpluginQuantize: 'open', model: withBase(model), options: rest satisfies SentOptions, tellsFallbacks: onFallback !== undefined, port: port2 };
  const worker = typeof given === 'function' ? given() : given!;
  const link = createLink(worker, port1, options);
  const stop = (): void => link.tell({ call: 'abort' });
  signal?.addEventListener('abort', stop);
  try {
    const opened = link.answerTo(null);
    worker.postMessage(message, [port2]);
    const answer = await opened;
    signal?.throwIfAborted();
    return remoteSession((answer as { opened: Facts }).opened, link);
  } catch (error) {
    link.close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function createLink(worker: Worker, port: MessagePort, { worker: given, onProgress, onWarning = console.warn, onFallback }: CreateSessionOptions): Link {
  const waiting = new Map<number | null, { resolve(answer: Answer): void; reject(error: unknown): void }>();
  const fail = (why: string): void => {
    const error = new RuntimeError('WORKER_FAILED', `The worker ${why}`, {
      hint: "Its file has to be a module that imports 'unplugin-quantize/runtime/worker', and to be deployed with the page.",
    });
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const failed = (event: Event): void => fail(event instanceof ErrorEvent && event.message !== '' ? `failed: ${event.message}` : 'failed');
  const silence = setTimeout(() => fail(`has not answered within ${LONGEST_SILENCE / 1000} s`), LONGEST_SILENCE);
  worker.addEventListener('error', failed);
  port.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
    if ('heard' in data) return clearTimeout(silence);
    if ('progress' in data) return onProgress?.(data.progress);
    if ('warning' in data) return onWarning(data.warning);
    if ('fallback' in data) return onFallback?.(data.fallback);
    const id = 'opened' in data ? null : data.id;
    const caller = waiting.get(id);
    waiting.delete(id);
    if ('error' in data) caller?.reject(unpackError(data.error));
    else caller?.resolve(data);
  });
  port.start();
  return {
    answerTo: (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject })),
    tell: (request) => port.postMessage(request),
    close() {
      clearTimeout(silence);
      worker.removeEventListener('error', failed);
      port.close();
      if (typeof given === 'function') worker.terminate();
    },
  };
}

function remoteSession({ backend, variant, ...facts }: Facts, link: Link): QuantizeSession {
  let state = { backend, variant };
  let count = 0;
  let ended: Promise<void> | undefined;

  async function run(feeds: RunArguments[0], ...[fetches, options]: [unknown?, unknown?]): Promise<RunResults> {
    if (ended !== undefined) throw new RuntimeError('SESSION_RELEASED', 'The session was released and runs no more');
    const id = ++count;
    const sent = await mapValues(feeds, sentTensor);
    const isNames = Array.isArray(fetches);
    const { signal, ...rest } = ((isNames ? options : fetches) ?? {}) as { signal?: AbortSignal };
    signal?.throwIfAborted();
    const request = { call: 'run', id, feeds: sent, fetches: isNames ? (fetches as string[]) : undefined, options: rest } as const;
    const answering = link.answerTo(id);
    link.tell(request);
    const answer = (await (signal === undefined ? answering : abortable(answering, signal))) as RunAnswer;
    state = answer.state;
    return mapValues(answer.results, async (tensor) => receivedTensor(tensor));
  }

  function release(): Promise<void> {
    if (ended !== undefined) return ended;
    const id = ++count;
    ended = link.answerTo(id).then(() => link.close());
    link.tell({ call: 'release', id });
    return ended;
  }

  const session = {
    ...facts,
    run,
    release,
    dispose: release,
    startProfiling: () => link.tell({ call: 'startProfiling' }),
    endProfiling: () => link.tell({ call: 'endProfiling' }),
    get backend() {
      return state.backend;
    },
    get variant() {
      return state.variant;
    },
  };
  return (Symbol.asyncDispose === undefined ? session : Object.assign(session, { [Symbol.asyncDispose]: release })) as unknown as QuantizeSession;
}

async function mapValues<T, U>(record: Record<string, T>, change: (value: T) => Promise<U>): Promise<Record<string, U>> {
  const entries = Object.entries(record).map(async ([name, value]) => [name, await change(value)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Addresses that are relative to the page mean something else in a worker. */
function withBase(model: QuantizedModel | string): QuantizedModel | string {
  const absolute = (url: string): string => new URL(url, globalThis.document?.baseURI ?? location.href).href;
  if (typeof model === 'string') return absolute(model);
  const variants = model.variants.map((variant) => {
    const parts = variant.parts?.map((part) => ({ ...part, url: absolute(part.url) }));
    return { ...variant, url: absolute(variant.url), ...(parts && { parts }) };
  });
  return { ...model, variants };
}
