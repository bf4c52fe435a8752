import type { QuantizedModel } from '../types.ts';
import { RuntimeError } from './errors.ts';
import type { Batcher, Host, Opened, RunArguments, RunResults } from './host.ts';
import { announce, climb } from './ladder.ts';
import { checkOptions } from './session-options.ts';
import type { Backend, CreateSessionOptions, QuantizeSession } from './types.ts';
import { checkModel } from './variant.ts';

/**
 * A session on the best backend of the host, which moves to the next one when its GPU is lost.
 * @throws RuntimeError; the reason of `options.signal` when that is aborted
 */
export async function openSession(host: Host, model: QuantizedModel | string, options: CreateSessionOptions): Promise<QuantizeSession> {
  options.signal?.throwIfAborted();
  checkOptions(options, host.backends);
  if (typeof model !== 'string') checkModel(model);
  const opened = await climb(host, model, options, new Set());
  // The signal and the progress belong to the creation, which is over.
  const { signal: _, onProgress: __, ...later } = options;
  // Loaded on demand: few apps ask for it.
  const batching = options.batch && (await (await import('./batch.ts')).openBatching(opened, model, options));
  return liveSession(opened, (avoid) => climb(host, model, later, avoid), later, batching);
}

/** The session that users hold: onnxruntime's own interface, in front of a session that may be replaced. */
function liveSession(
  first: Opened,
  reopen: (avoid: ReadonlySet<Backend>) => Promise<Opened>,
  options: CreateSessionOptions,
  batching?: (run: (args: RunArguments) => Promise<RunResults>) => Batcher,
): QuantizeSession {
  const { maxQueue = 1000 } = options;
  const lost = new Set<Backend>();
  const running = new Set<Promise<unknown>>();
  let current = first;
  let next: Promise<Opened> | undefined;
  let ended: Promise<void> | undefined;

  /** Calls that meet the same loss wait for one new session. */
  function replace(broken: Opened, error: unknown): Promise<Opened> {
    if (current !== broken) return Promise.resolve(current);
    next ??= (async () => {
      lost.add(broken.backend);
      announce(broken.backend, error, options);
      try {
        current = await reopen(lost);
        return current;
      } finally {
        next = undefined;
      }
    })();
    return next;
  }

  async function call(args: RunArguments): Promise<RunResults> {
    const opened = (await next) ?? current;
    try {
      return await opened.run(...args);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'DEVICE_LOST') throw error;
      return (await replace(opened, error)).run(...args);
    }
  }

  function run(...args: RunArguments): Promise<RunResults> {
    if (ended !== undefined) return Promise.reject(new RuntimeError('SESSION_RELEASED', 'The session was released and runs no more'));
    if (running.size >= maxQueue) return Promise.reject(new RuntimeError('QUEUE_FULL', `${maxQueue} calls wait or run (maxQueue)`));
    const signal = signalOf(args);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const answer = batcher ? batcher.run(args, signal) : call(args);
    running.add(answer);
    const done = (): void => void running.delete(answer);
    answer.then(done, done);
    return signal ? import('./abort.ts').then(({ abortable }) => abortable(answer, signal)) : answer;
  }

  function release(): Promise<void> {
    batcher?.flush();
    ended ??= Promise.allSettled(running).then(() => current.release());
    return ended;
  }

  const batcher = batching?.(call);
  const own = {
    run: { value: run },
    release: { value: release },
    dispose: { value: release },
    backend: { get: () => current.backend, enumerable: true },
    variant: { get: () => current.variant, enumerable: true },
    // What onnxruntime's own getters and methods read; they stay in use, so that the session is an InferenceSession in every other respect.
    handler: { get: () => (current.session as unknown as { handler: unknown }).handler },
  };
  const session = Object.create(Object.getPrototypeOf(first.session) as object, own) as QuantizeSession;
  if (Symbol.asyncDispose !== undefined) Object.defineProperty(session, Symbol.asyncDispose, { value: release });
  return session;
}

/** Of a run's options, which come last. */
function signalOf(args: RunArguments): AbortSignal | undefined {
  const { signal } = (args[args.length - 1] ?? {}) as { signal?: unknown };
  return args.length > 1 && signal instanceof AbortSignal ? signal : undefined;
}
