import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { QuantizeError } from '../errors.ts';

/**
 * The samples that a module gives: its default export, or its export `samples`; an iterable, an async iterable or a
 * function (async too) that returns one.
 *
 * @throws QuantizeError SAMPLES_INVALID when the module fails or exports neither; its own error is the cause
 */
export async function loadSampleModule(path: string): Promise<Iterable<unknown> | AsyncIterable<unknown>> {
  const exported = await importFresh(path);
  const samples = readExport(exported, 'default') ?? readExport(exported, 'samples') ?? wholeExport(exported);
  if (samples === undefined) {
    throw invalid(path, 'The samples module has neither a default export nor one called `samples`.');
  }
  const value: unknown = typeof samples === 'function' ? await callExport(path, samples as () => unknown) : await samples;
  if (isIterable(value)) return value;
  throw invalid(path, 'The samples module does not export an iterable of samples.');
}

/**
 * What a module yields, at most `limit` samples; the rest is never asked for.
 *
 * @throws QuantizeError SAMPLES_INVALID when the module fails, or yields nothing
 */
export async function* streamModule(given: string, limit: number): AsyncGenerator<unknown, void, undefined> {
  const path = await realpath(given);
  const samples = await loadSampleModule(path);
  let index = 0;
  try {
    for await (const sample of samples) {
      index++;
      yield sample;
      if (index >= limit) return;
    }
  } catch (cause) {
    if (cause instanceof QuantizeError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new QuantizeError('SAMPLES_INVALID', `The samples module failed while it made sample ${index}: ${message}`, { option: path, cause });
  }
  if (index === 0) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.', { option: path });
}

/**
 * Loads the module and its own files as they are on the disk now: a dev server loads again after an edit, and Node's module cache
 * would give the old text. Packages in node_modules stay cached, because native addons load only once.
 */
async function importFresh(path: string): Promise<unknown> {
  evict(path);
  // Loaded here, because a build whose results are cached runs no module.
  const { createJiti } = await import('jiti');
  try {
    return await createJiti(path, { fsCache: false, interopDefault: false }).import(path);
  } catch (cause) {
    throw failed(path, cause);
  }
}

/** Drops a module and everything outside node_modules that was loaded on its behalf. */
function evict(path: string): void {
  const { cache } = createRequire(path);
  const isOurs = (module: NodeJS.Module | undefined | null): boolean => {
    const seen = new Set<unknown>();
    for (let at = module; at && !seen.has(at); at = parentOf(at)) {
      if (at.filename === path) return true;
      seen.add(at);
    }
    return false;
  };
  const stale = Object.keys(cache).filter((file) => !/[\\/]node_modules[\\/]/.test(file) && isOurs(cache[file]));
  for (const file of stale) delete cache[file];
}

/** `module.parent` is deprecated for programs that ask who started them; here it is the only record of who loaded what. */
function parentOf(module: NodeJS.Module): NodeJS.Module | null | undefined {
  return 'parent' in module ? (module.parent as NodeJS.Module | null | undefined) : undefined;
}

async function callExport(path: string, samples: () => unknown): Promise<unknown> {
  try {
    return await samples();
  } catch (cause) {
    throw failed(path, cause);
  }
}

function readExport(module: unknown, name: string): unknown {
  return typeof module === 'object' && module !== null ? (module as Record<string, unknown>)[name] : undefined;
}

/** What a CommonJS module gives by `module.exports = samples`. */
function wholeExport(module: unknown): unknown {
  return typeof module === 'function' || isIterable(module) ? module : undefined;
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function failed(path: string, cause: unknown): QuantizeError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new QuantizeError('SAMPLES_INVALID', `The samples module failed: ${message}`, { option: path, cause });
}

function invalid(path: string, what: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', what, {
    option: path,
    hint: 'Write `export default async function* () { yield { input_name: { data, dims } } }`.',
  });
}
