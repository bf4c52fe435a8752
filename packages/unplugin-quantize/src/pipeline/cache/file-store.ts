import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAside, type CacheFolders } from './cache-folders.ts';
import type { HashMemo } from './hash.ts';
import { onInterrupt } from '../workers/interrupt.ts';
import { removeDraft, writeFailed, type WrittenFile } from './write-file.ts';

/** A large file and what is known of it, in a folder of their own for each key. */
export interface FileStore<T extends WrittenFile> {
  /** What is stored under a key, or undefined when there is nothing; a damaged entry is removed and counts as none. */
  find(key: string): Promise<Stored<T> | undefined>;
  /**
   * Lets `produce` write the file into an empty folder and puts that folder in its place; nothing is left when it fails.
   * When another process was faster, its file is the one that is given.
   *
   * @throws QuantizeError WRITE_FAILED, and whatever `produce` throws
   */
  store(key: string, produce: (path: string) => Promise<T>): Promise<Stored<T>>;
}

/** The entry with the absolute path of its file. */
export type Stored<T> = T & { file: string };

interface StoreOptions {
  /** Folder of the cache. */
  kind: string;
  /** Name of the file in the folder of a key. */
  file: string;
  folders: CacheFolders;
  hashes: HashMemo;
  /** Told of what was used: the entry, and the file of it whose date says when. */
  used?: ((place: string, dated: string) => void) | undefined;
}

const ENTRY = 'entry.json';
/** A freshly written file is dated back, so that its hash can be remembered at once and every later change shows (hash.ts). */
const BACKDATED_S = 10;

export function createFileStore<T extends WrittenFile>({ kind, file: name, folders, hashes, used }: StoreOptions): FileStore<T> {
  async function find(key: string): Promise<Stored<T> | undefined> {
    for (const root of folders.readable()) {
      const place = join(root, kind, key);
      const entry = (await readJson(join(place, ENTRY))) as T | undefined;
      if (entry === undefined) continue;
      used?.(place, join(place, ENTRY));
      if (await isWhole(join(place, name), entry, hashes)) return { ...entry, file: join(place, name) };
      await removeAside(place, root);
    }
    return undefined;
  }

  async function store(key: string, produce: (path: string) => Promise<T>): Promise<Stored<T>> {
    const root = await folders.writable();
    const draft = join(root, 'tmp', randomUUID());
    const settled = onInterrupt(() => removeDraft(draft));
    try {
      await mkdir(draft, { recursive: true });
      const file = join(draft, name);
      const entry = await produce(file);
      await writeFile(join(draft, ENTRY), JSON.stringify(entry));
      await utimes(file, new Date(), new Date(Date.now() - BACKDATED_S * 1000));
      return await settle(key, root, draft, entry);
    } catch (cause) {
      throw writeFailed(draft, cause);
    } finally {
      settled();
      removeDraft(draft);
    }
  }

  async function settle(key: string, root: string, draft: string, entry: T): Promise<Stored<T>> {
    const place = join(root, kind, key);
    await mkdir(join(root, kind), { recursive: true });
    for (let attempt = 0; ; attempt++) {
      try {
        await rename(draft, place);
        await hashes.remember(join(place, name), entry.sha256);
      } catch (cause) {
        if (attempt === 2) throw cause;
      }
      // Read back, so that a miss gives what a hit will give.
      const found = await find(key);
      if (found !== undefined) return found;
      // A folder without a whole file is in the way.
      await removeAside(place, root);
    }
  }

  return { find, store };
}

/** Undefined for a file that is absent, cut off or not an object. */
export async function readJson(path: string): Promise<object | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function isWhole(file: string, entry: WrittenFile, hashes: HashMemo): Promise<boolean> {
  try {
    const { bytes, sha256 } = await hashes.digest(file);
    return bytes === entry.bytes && sha256 === entry.sha256;
  } catch {
    return false;
  }
}
