import type { QuantizedModel } from '../types.ts';
import { messageOf, RuntimeError } from './errors.ts';
import type { Host, LoadedModel, Opened } from './host.ts';
import { openRung, prepareRung, type Rung } from './rung.ts';
import type { Backend, CreateSessionOptions } from './types.ts';

/**
 * Opens the model on the first backend, or the fastest, that is there and right.
 * @param avoid backends that were lost
 * @throws RuntimeError of the last backend that came nearest to a session; the signal's reason when aborted
 */
export async function climb(host: Host, model: QuantizedModel | string, options: CreateSessionOptions, avoid: ReadonlySet<Backend>): Promise<Opened> {
  const backends = (options.backends ?? host.ladder(options)).filter((backend) => !avoid.has(backend));
  const attempts = createAttempts(host, model, options);
  const found = await (options.prefer === 'speed' ? fastest(attempts, backends) : firstOf(attempts, backends));
  return found === undefined ? attempts.fail() : attempts.tell(found);
}

async function firstOf(attempts: Attempts, backends: readonly Backend[]): Promise<Opened | undefined> {
  for (const backend of backends) {
    const rung = await attempts.prepare(backend);
    const opened = rung && (await attempts.open(rung, false));
    if (opened !== undefined) return opened;
  }
  return undefined;
}

async function fastest(attempts: Attempts, backends: readonly Backend[]): Promise<Opened | undefined> {
  // Loaded on demand: few apps ask for it.
  const { fastestOf } = await import('./speed.ts');
  return fastestOf(attempts, backends);
}

/** Attempts that fail are noted and announced; the model is kept from one to the next where they need the same file. */
export interface Attempts {
  prepare(backend: Backend): Promise<Rung | undefined>;
  open(rung: Rung, timed: boolean): Promise<(Opened & { time?: number }) | undefined>;
  /** Announces what was not used. */
  tell(found: Opened): Opened;
  fail(): never;
}

function createAttempts(host: Host, model: QuantizedModel | string, options: CreateSessionOptions): Attempts {
  const notes: { backend: Backend; error: unknown }[] = [];
  let failure: unknown;
  let held: { url: string; model: LoadedModel } | undefined;
  const missing = new Map<string, unknown>();

  async function attempt<T>(backend: Backend, work: () => Promise<T>): Promise<T | undefined> {
    try {
      options.signal?.throwIfAborted();
      return await work();
    } catch (error) {
      if (options.signal?.aborted === true || codeOf(error) === 'OPTION_INVALID') throw error;
      notes.push({ backend, error });
      if (nearness(error) >= nearness(failure)) failure = error;
      return undefined;
    }
  }

  async function load({ file, backend }: Rung): Promise<LoadedModel> {
    if (held?.url === file.url && typeof held.model !== 'string') return held.model;
    if (missing.has(file.url)) throw missing.get(file.url);
    // Released before the next one is there, so that there is one copy at most.
    held = undefined;
    try {
      held = { url: file.url, model: await host.load(file, backend, options) };
      return held.model;
    } catch (error) {
      missing.set(file.url, error);
      throw error;
    }
  }

  return {
    prepare: (backend) => attempt(backend, () => prepareRung(host, backend, model, options)),
    open: (rung, timed) => attempt(rung.backend, async () => openRung(host, rung, await load(rung), options, timed)),
    tell(found) {
      for (const { backend, error } of notes) announce(backend, error, options);
      return found;
    },
    fail() {
      // A file that is missing for one backend is missing for the next one, too: the error alone says so.
      for (const { backend, error } of notes) if (error !== failure) announce(backend, error, options);
      throw failure ?? new RuntimeError('BACKEND_UNAVAILABLE', 'No backend is left to run the model');
    },
  };
}

/** Says which backend is not used. That a device has none of a kind is no news, unless it is asked for. */
export function announce(backend: Backend, error: unknown, { onFallback, onWarning = console.warn }: CreateSessionOptions): void {
  const reason = messageOf(error);
  if (onFallback !== undefined) onFallback({ backend, reason });
  else if (codeOf(error) !== 'BACKEND_UNAVAILABLE') onWarning(`The ${backend} backend is not used: ${reason}`);
}

/** How far a failed attempt came: what failed later tells more. */
function nearness(error: unknown): number {
  if (error === undefined) return -1;
  const code = codeOf(error);
  return code === 'BACKEND_UNAVAILABLE' ? 0 : code === 'ENGINE_MISSING' ? 1 : 2;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof RuntimeError ? error.code : undefined;
}
