import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { QuantizeError, systemErrorCode } from '../../errors.ts';
import { globExpression } from './glob.ts';

/** Where samples are looked for: a file or folder, or what a pattern fits below a folder. */
export interface Location {
  /** Absolute. */
  base: string;
  pattern?: string | undefined;
  /** What the user wrote. */
  given: string;
}

export interface FoundFile {
  /** Absolute. */
  path: string;
  /** The path below the location with '/', or the file's name: the same on every machine. */
  name: string;
}

/** Names in the order of their UTF-16 code units, which no locale changes. */
export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** What lies beside models and samples of this field and is no sample itself. */
const SETTINGS = new Set([
  'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json', 'vocab.json', 'vocab.txt', 'merges.txt', 'config.json',
  'generation_config.json', 'preprocessor_config.json', 'package.json', 'tsconfig.json',
]);

/**
 * The files of all locations, sorted by name, each once. A folder stands for the files in it and below it that have one of the extensions; a
 * file or pattern says itself what is meant. Names that start with a dot and settings of tokenizers and the like are left out of folders.
 *
 * @param extensions in lower case with their dot; undefined for files of any kind
 * @param what how errors call the files
 * @throws QuantizeError SAMPLES_NOT_FOUND naming the location that has none
 */
export async function findFiles(locations: readonly Location[], extensions: readonly string[] | undefined, what: string): Promise<FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const [i, location] of locations.entries()) {
    const files = await filesAt(location, extensions);
    if (files.length === 0) throw none(location, extensions, what);
    for (const { path, name } of files) if (!found.has(path)) found.set(path, { path, name: locations.length > 1 ? `${i}/${name}` : name });
  }
  return [...found.values()].sort(byName);
}

async function filesAt({ base, pattern, given }: Location, extensions: readonly string[] | undefined): Promise<FoundFile[]> {
  const stats = await statOf(base, given);
  const isFolder = stats.isDirectory();
  // Devices and named pipes have no end, or never begin.
  if (!isFolder && !stats.isFile()) throw new QuantizeError('SAMPLES_NOT_FOUND', 'The samples are neither a regular file nor a folder.', { option: given });
  if (!isFolder) return pattern === undefined ? [{ path: base, name: base.split(/[\\/]/).at(-1)! }] : [];
  const fits = pattern === undefined ? undefined : globExpression(pattern);
  const files = await walk(base, pattern === undefined || /(^|\/)\*\*(\/|$)/.test(pattern) ? Infinity : pattern.split('/').length, fits !== undefined);
  return files.filter(({ name }) => (fits === undefined ? (extensions === undefined || (hasExtension(name, extensions) && !SETTINGS.has(name.split('/').at(-1)!))) : fits.test(name)));
}

export function hasExtension(name: string, extensions: readonly string[]): boolean {
  return extensions.includes(extname(name).toLowerCase());
}

/** @throws QuantizeError SAMPLES_NOT_FOUND */
export async function statOf(path: string, given = path): Promise<Awaited<ReturnType<typeof stat>>> {
  try {
    return await stat(path);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new QuantizeError('SAMPLES_NOT_FOUND', isMissing ? 'There is no such file or folder of samples.' : `The samples cannot be read (${code}).`, {
      option: path === given ? path : `${given} (${path})`,
      hint: 'A relative path is taken from the root of the project, on the command line from the working directory.',
      cause,
    });
  }
}

/** Files below a folder, links followed; a folder that contains itself by a link is entered once. */
async function walk(root: string, depth: number, withHidden: boolean): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const visit = async (folder: string, prefix: string, left: number, above: readonly string[]): Promise<void> => {
    const real = await realpath(folder);
    if (above.includes(real)) return;
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (!withHidden && entry.name.startsWith('.')) continue;
      const [path, name] = [join(folder, entry.name), prefix + entry.name];
      const kind = await kindOf(entry, path);
      if (kind === 'file') found.push({ path, name });
      else if (kind === 'folder' && left > 1 && entry.name !== 'node_modules') await visit(path, `${name}/`, left - 1, [...above, real]);
    }
  };
  await visit(root, '', depth, []);
  return found;
}

async function kindOf(entry: Dirent, path: string): Promise<'file' | 'folder' | undefined> {
  // A link to nothing is no sample.
  const target = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
  if (target === undefined) return undefined;
  return target.isFile() ? 'file' : target.isDirectory() ? 'folder' : undefined;
}

function none({ base, pattern, given }: Location, extensions: readonly string[] | undefined, what: string): QuantizeError {
  const found = pattern === undefined ? `There are no ${what} in the folder${extensions === undefined ? '' : `: no file ends in ${extensions.join(', ')}`}.` : `No file fits the pattern: looked for ${pattern} below ${base}.`;
  return new QuantizeError('SAMPLES_NOT_FOUND', found, { option: given, hint: pattern === undefined ? undefined : '* stays inside a folder, ** goes through all folders below.' });
}
