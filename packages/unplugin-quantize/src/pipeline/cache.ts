import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artefact } from './artefact.ts';
import { createCacheFolders, removeAside, type CacheFolders } from './cache-folders.ts';
import { createHashMemo, type HashMemo } from './hash.ts';
import { removeDraft, replaceFile, writeFailed } from './write-file.ts';

/**
 * Content-addressed results of earlier builds:
 *
 *     artefacts/<key>/model.onnx, entry.json    an artefact and what is known of it; complete, because the folder is renamed into place
 *     facts/<sha256 of a model>.json            what a model's bytes alone decide
 *     measured/<key>.json                       checks and accuracy of an artefact
 *     hashes/<hash of a path>.json              hashes of files that have not changed
 *     tmp/                                      work in progress
 */
export interface Cache {
  hashes: HashMemo;
  /** The artefact of a key, or undefined when there is none; a damaged one is removed and counts as none. */
  find(key: string): Promise<CachedArtefact | undefined>;
  /**
   * Lets `produce` write `model.onnx` into an empty folder and puts that folder in its place; nothing is left when it fails.
   * When another process was faster, its artefact is the one that is given.
   *
   * @throws QuantizeError WRITE_FAILED, and whatever `produce` throws
   */
  store(key: string, produce: (path: string) => Promise<Artefact>): Promise<CachedArtefact>;
  /** A small record, or undefined when it is absent or damaged. */
  read<T>(kind: RecordKind, key: string): Promise<T | undefined>;
  write(kind: RecordKind, key: string, value: unknown): Promise<void>;
  /** Removes the temporary folder, if one stood in for the cache. */
  close(): Promise<void>;
}

export type RecordKind = 'facts' | 'measured';

export interface CachedArtefact extends Artefact {
  /** Absolute path of the artefact. */
  file: string;
}

const MODEL = 'model.onnx';
const ENTRY = 'entry.json';
/** A freshly written artefact is dated back, so that its hash can be remembered at once and every later change shows (hash.ts). */
const BACKDATED_S = 10;

/** @param folder absolute path, or false for a temporary folder that `close` removes */
export function createCache(folder: string | false, warn: (message: string) => void): Cache {
  const folders = createCacheFolders(folder, warn);
  const hashes = lazyHashes(folders);

  async function find(key: string): Promise<CachedArtefact | undefined> {
    for (const root of folders.readable()) {
      const place = join(root, 'artefacts', key);
      const artefact = (await readJson(join(place, ENTRY))) as Artefact | undefined;
      if (artefact === undefined) continue;
      if (await isWhole(join(place, MODEL), artefact, hashes)) return { ...artefact, file: join(place, MODEL) };
      await removeAside(place, root);
    }
    return undefined;
  }

  async function store(key: string, produce: (path: string) => Promise<Artefact>): Promise<CachedArtefact> {
    const root = await folders.writable();
    const draft = join(root, 'tmp', randomUUID());
    try {
      await mkdir(draft, { recursive: true });
      const file = join(draft, MODEL);
      const artefact = await produce(file);
      await writeFile(join(draft, ENTRY), JSON.stringify(artefact));
      await utimes(file, new Date(), new Date(Date.now() - BACKDATED_S * 1000));
      return await settle(key, root, draft, artefact);
    } catch (cause) {
      throw writeFailed(draft, cause);
    } finally {
      removeDraft(draft);
    }
  }

  async function settle(key: string, root: string, draft: string, artefact: Artefact): Promise<CachedArtefact> {
    const place = join(root, 'artefacts', key);
    await mkdir(join(root, 'artefacts'), { recursive: true });
    for (let attempt = 0; ; attempt++) {
      try {
        await rename(draft, place);
        await hashes.remember(join(place, MODEL), artefact.sha256);
      } catch (cause) {
        if (attempt === 2) throw cause;
      }
      // Read back, so that a miss gives what a hit will give.
      const found = await find(key);
      if (found !== undefined) return found;
      // A folder without a whole artefact is in the way.
      await removeAside(place, root);
    }
  }

  async function read<T>(kind: RecordKind, key: string): Promise<T | undefined> {
    for (const root of folders.readable()) {
      const value = await readJson(join(root, kind, `${key}.json`));
      if (value !== undefined) return value as T;
    }
    return undefined;
  }

  async function write(kind: RecordKind, key: string, value: unknown): Promise<void> {
    await replaceFile(join(await folders.writable(), kind, `${key}.json`), JSON.stringify(value));
  }

  return { hashes, find, store, read, write, close: () => folders.close() };
}

/** The memo lives where results go, which is found out at the first use. */
function lazyHashes(folders: CacheFolders): HashMemo {
  const memo = async (): Promise<HashMemo> => createHashMemo(join(await folders.writable(), 'hashes'));
  return {
    digest: async (path) => (await memo()).digest(path),
    remember: async (path, sha256) => (await memo()).remember(path, sha256),
  };
}

/** Undefined for a file that is absent, cut off or not an object. */
async function readJson(path: string): Promise<object | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function isWhole(file: string, artefact: Artefact, hashes: HashMemo): Promise<boolean> {
  try {
    const { bytes, sha256 } = await hashes.digest(file);
    return bytes === artefact.bytes && sha256 === artefact.sha256;
  } catch {
    return false;
  }
}
