import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** A result: a folder, or one file. */
interface Entry {
  path: string;
  bytes: number;
  /** When it was last used, in milliseconds. */
  used: number;
}

/** Folders of the cache that hold no results. */
const WORK = new Set(['tmp', 'locks']);
/** The time of use is noted in steps of this: a warm build should not write a file for each result. */
const STEP_MS = 60_000;

/** Notes that a result was used; where that cannot be written, it counts as older than it is. */
export async function touch(path: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(path);
    const now = Date.now();
    // A clock that was put back would let old results look new for ever.
    if (Math.abs(now - mtimeMs) > STEP_MS) await utimes(path, new Date(now), new Date(now));
  } catch {
    // It is of no use here, or gone.
  }
}

/**
 * Removes results until the cache takes no more than `most` bytes, those first that were not used for the longest time. Each goes by a rename,
 * so that nobody finds a part of one.
 *
 * @param keep paths of results of this process, which stay
 * @returns the number of bytes that are left
 */
export async function shrinkCache(root: string, most: number, keep: ReadonlySet<string>): Promise<number> {
  const entries = (await Promise.all((await namesIn(root)).filter((kind) => !WORK.has(kind)).map((kind) => entriesOf(join(root, kind))))).flat();
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of entries.sort((a, b) => a.used - b.used || (a.path < b.path ? -1 : 1))) {
    if (total <= most) break;
    if (keep.has(path)) continue;
    if (await removeWhole(path, root)) total -= bytes;
  }
  return total;
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const found = await Promise.all((await namesIn(folder)).map((name) => entryOf(join(folder, name))));
  return found.filter((entry) => entry !== undefined);
}

/** Undefined for what another process removed meanwhile. */
async function entryOf(path: string): Promise<Entry | undefined> {
  try {
    const own = await stat(path);
    if (!own.isDirectory()) return { path, bytes: own.size, used: own.mtimeMs };
    const files = await Promise.all((await readdir(path)).map((name) => stat(join(path, name))));
    // Each of several names of a file counts for its share.
    return { path, bytes: files.reduce((sum, { size, nlink }) => sum + size / nlink, 0), used: Math.max(own.mtimeMs, ...files.map(({ mtimeMs }) => mtimeMs)) };
  } catch {
    return undefined;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function removeWhole(path: string, root: string): Promise<boolean> {
  const aside = join(root, 'tmp', randomUUID());
  try {
    await rename(path, aside);
    await rm(aside, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}
