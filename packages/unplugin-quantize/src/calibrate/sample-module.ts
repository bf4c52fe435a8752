import { realpath } from 'node:fs/promises';
import { QuantizeError } from '../errors.ts';
import { importFresh } from './import-fresh.ts';

/**
 * The samples that a module gives: its default export, or its export `samples`; an iterable, an async iterable or a
 * function (async too) that returns one.
 *
 * @throws QuantizeError SAMPLES_INVALID when the module fails or exports neither; its own error is the cause
 */
export async function loadSampleModule(path: string): Promise<Iterable<unknown> | AsyncIterable<unknown>> {
  const exported = await importFresh(path).catch((cause: unknown) => {
    throw failed(path, cause);
  });
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
