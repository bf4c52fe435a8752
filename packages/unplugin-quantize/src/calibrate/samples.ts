import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { QuantizeError, systemErrorCode } from '../errors.ts';
import { parseNpy } from './npy.ts';
import { parseNpz } from './npz.ts';
import { loadSampleModule } from './sample-module.ts';

export interface SampleOptions {
  /** At most this many samples are taken; the rest is never asked for. */
  limit?: number | undefined;
}

type Reader = (path: string) => AsyncIterable<unknown>;

const MODULES = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
const ARRAYS = ['.npz', '.npy'];
const READERS = new Map<string, Reader>([
  ...MODULES.map((extension) => [extension, readModule] as const),
  ...ARRAYS.map((extension) => [extension, readArrays] as const),
]);

/**
 * The user's samples, one by one and unchecked; `checkFeeds` turns each into `Feeds` of a model.
 *
 * | path | samples |
 * |---|---|
 * | .ts .mts .cts .js .mjs .cjs | what the module's default export (or its export `samples`) yields |
 * | .npz | ONE sample: every array is fed as it is to the input of its name |
 * | .npy | ONE sample for a model with one input |
 * | a folder | one sample for each .npz or .npy file in it, sorted by name |
 *
 * The file's present content is read on every call.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND when there is no such file, SAMPLES_INVALID when it cannot be read or holds no sample
 */
export async function* openSamples(path: string, { limit = Infinity }: SampleOptions = {}): AsyncGenerator<unknown, void, undefined> {
  const file = await find(path);
  let taken = 0;
  if (limit <= 0) return;
  for await (const sample of read(file)) {
    yield sample;
    if (++taken >= limit) return;
  }
  if (taken === 0) throw new QuantizeError('SAMPLES_INVALID', 'The samples are empty: not one was given.', { option: path });
}

async function find(path: string): Promise<string> {
  try {
    return await realpath(resolve(path));
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOENT') throw cause;
    throw new QuantizeError('SAMPLES_NOT_FOUND', 'There is no such samples file.', {
      option: path,
      hint: 'The path is taken from the working directory unless it is absolute.',
      cause,
    });
  }
}

async function* read(file: string): AsyncGenerator<unknown, void, undefined> {
  const files = (await stat(file)).isDirectory() ? await arraysIn(file) : [file];
  for (const each of files) {
    const reader = READERS.get(extname(each).toLowerCase());
    if (reader === undefined) {
      throw new QuantizeError('SAMPLES_INVALID', `Samples cannot be read from a ${extname(each) || 'nameless'} file.`, {
        option: each,
        hint: `Use a module (${MODULES.join(' ')}), arrays of numpy (${ARRAYS.join(' ')}), or a folder of such arrays.`,
      });
    }
    yield* reader(each);
  }
}

async function arraysIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => ARRAYS.includes(extname(name).toLowerCase()));
  return names.sort().map((name) => join(folder, name));
}

async function* readModule(path: string): AsyncGenerator<unknown, void, undefined> {
  const samples = await loadSampleModule(path);
  let index = 0;
  try {
    for await (const sample of samples) {
      index++;
      yield sample;
    }
  } catch (cause) {
    if (cause instanceof QuantizeError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new QuantizeError('SAMPLES_INVALID', `The samples module failed while it made sample ${index}: ${message}`, { option: path, cause });
  }
}

async function* readArrays(path: string): AsyncGenerator<unknown, void, undefined> {
  const bytes = await readFile(path);
  yield extname(path).toLowerCase() === '.npz' ? parseNpz(bytes, path) : parseNpy(bytes, path);
}
