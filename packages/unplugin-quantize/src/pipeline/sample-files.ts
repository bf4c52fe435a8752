import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { QuantizeError, systemErrorCode } from '../errors.ts';
import type { HashMemo } from './hash.ts';

/** The files of the samples: what to watch, and their hashes by name. What a module imports is not among them. */
export interface SampleFiles {
  /** Absolute, sorted. */
  paths: string[];
  hashes: Record<string, string>;
}

/**
 * @param path absolute path of a file, or of a folder whose files are the samples; undefined for no samples
 * @throws QuantizeError SAMPLES_NOT_FOUND
 */
export async function readSampleFiles(path: string | undefined, hashes: HashMemo): Promise<SampleFiles> {
  if (path === undefined) return { paths: [], hashes: {} };
  try {
    const paths = (await stat(path)).isDirectory() ? await filesIn(path) : [path];
    const entries = await Promise.all(paths.map(async (file) => [basename(file), (await hashes.digest(file)).sha256] as const));
    return { paths, hashes: Object.fromEntries(entries) };
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    throw new QuantizeError('SAMPLES_NOT_FOUND', code === 'ENOENT' ? 'There is no such samples file.' : `The samples cannot be read (${code}).`, {
      option: path,
      hint: 'A relative path is taken from the root of the project.',
      cause,
    });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name)).sort();
}
