import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '../../errors.ts';
import { onInterrupt } from '../workers/interrupt.ts';
import { removeDeadLocks } from './locks.ts';
import { writeFailed } from './write-file.ts';

/** Where results are looked for and where they go. */
export interface CacheFolders {
  /** Folders to look in, the user's first. */
  readable(): string[];
  /** The user's folder, or a temporary one where that cannot be written. */
  writable(): Promise<string>;
  close(): Promise<void>;
}

/** Refusals that no later try will change; a full disk is not among them, it fails the build. */
const UNWRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENAMETOOLONG']);
/** Work in progress that is older was left by a process that was killed. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** @param folder absolute path, or false for a temporary folder; `warn` is told at most once */
export function createCacheFolders(folder: string | false, warn: (message: string) => void): CacheFolders {
  let temporary: string | undefined;
  let chosen: Promise<string> | undefined;
  let settled: (() => void) | undefined;
  const removeNow = (): void => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  };

  async function choose(): Promise<string> {
    if (folder !== false) {
      const problem = await tryWriting(folder);
      if (problem === undefined) return folder;
      warn(`The cache folder "${folder}" cannot be written (${problem}); results are kept for this run only.`);
    }
    temporary = await mkdtemp(join(tmpdir(), 'unplugin-quantize-')).catch((cause: unknown) => {
      throw writeFailed(tmpdir(), cause);
    });
    settled = onInterrupt(removeNow);
    return temporary;
  }

  return {
    readable: () => [folder, temporary].filter((path) => typeof path === 'string'),
    writable: () => (chosen ??= choose()),
    async close() {
      await chosen?.catch(() => undefined);
      settled?.();
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
      temporary = chosen = undefined;
    },
  };
}

/** The system's error code when nothing can be written into the folder. */
async function tryWriting(folder: string): Promise<string | undefined> {
  const drafts = join(folder, 'tmp');
  try {
    await mkdir(drafts, { recursive: true });
    await rmdir(await mkdtemp(join(drafts, 'probe-')));
    await removeAbandoned(drafts);
    await removeDeadLocks(join(folder, 'locks'));
    return undefined;
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code !== undefined && UNWRITABLE.has(code)) return code;
    throw writeFailed(folder, cause);
  }
}

async function removeAbandoned(drafts: string): Promise<void> {
  for (const name of await readdir(drafts)) {
    const path = join(drafts, name);
    const age = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0);
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Removes a folder that others may be looking at: it goes as a whole, or it stays where nothing can be written. */
export async function removeAside(place: string, root: string): Promise<void> {
  const aside = join(root, 'tmp', randomUUID());
  try {
    await mkdir(join(root, 'tmp'), { recursive: true });
    await rename(place, aside);
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || !UNWRITABLE.has(code)) throw writeFailed(place, error);
  }
}
