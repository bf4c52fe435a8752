import { join } from 'node:path';
import type { Artefact } from '../steps/artefact.ts';
import { shrinkCache, touch } from './cache-size.ts';
import { createCacheFolders, type CacheFolders } from './cache-folders.ts';
import type { RemoteCounts } from '../remote/client.ts';
import type { RemoteLayer } from '../remote/layer.ts';
import { createFileStore, readJson, type FileStore, type Stored } from './file-store.ts';
import { createHashMemo, type HashMemo } from './hash.ts';
import { createLocks, type Locks } from './locks.ts';
import { nameFile, type NamedFile } from './named-file.ts';
import { replaceFile, type WrittenFile } from './write-file.ts';

/**
 * Content-addressed results of earlier builds:
 *
 *     artefacts/<key>/model.onnx, entry.json    an artefact and what is known of it; complete, because the folder is renamed into place
 *     calibrations/<key>/observed.bin, entry.json    what samples told of a model
 *     deliveries/<key>/delivered.bin, entry.json    an artefact compressed, or a part of it
 *     named/<sha256>/<name>                     files of the above under names of the user's
 *     facts/<sha256 of a model>.json            what a model's bytes alone decide
 *     canaries/<key>.json                       small inputs with the source's outputs
 *     measured/<key>.json                       checks and accuracy of an artefact
 *     details/<key>.json                        a closer look at an artefact, where a report asked for it
 *     sensitivity/<key>.json                    what quantizing single weights does to the outputs
 *     hashes/<hash of a path>.json              hashes of files that have not changed
 *     compressed/<key>.json, latency/<key>.json what a file takes on the wire; how fast an artefact was on a machine like this
 *     locks/<hash of a key>                     who makes what, so that nobody makes it twice
 *     tmp/                                      work in progress
 */
export interface Cache extends FileStore<Artefact> {
  hashes: HashMemo;
  /** What calibrations found. */
  calibrations: FileStore<WrittenFile>;
  /** Artefacts as they are published: compressed, or in parts. */
  deliveries: FileStore<WrittenFile>;
  /** A small record, or undefined when it is absent or damaged. */
  read<T>(kind: RecordKind, key: string): Promise<T | undefined>;
  write(kind: RecordKind, key: string, value: unknown): Promise<void>;
  /** Work that several processes may want at once. */
  once: Locks['once'];
  /** A path of the file that ends in its name. @throws QuantizeError WRITE_FAILED */
  named(file: NamedFile): Promise<string>;
  /**
   * Waits for uploads, within bounds, and removes the temporary folder, if one stood in for the cache.
   *
   * @returns what was had of a shared cache, where there is one and something asked for it
   */
  close(): Promise<RemoteCounts | undefined>;
}

export type RecordKind = 'facts' | 'measured' | 'canaries' | 'sensitivity' | 'details' | 'compressed' | 'latency';

export type CachedArtefact = Stored<Artefact>;

/** A shared cache behind this machine's own; opened when something is not found here. */
export interface Shared {
  open(): Promise<RemoteLayer>;
  close(): Promise<RemoteCounts | undefined>;
}

/**
 * @param folder absolute path, or false for a temporary folder that `close` removes
 * @param maxBytes the most that it may take when it is closed
 */
export function createCache(folder: string | false, warn: (message: string) => void, shared?: Shared, maxBytes?: number): Cache {
  const folders = createCacheFolders(folder, warn);
  const hashes = lazyHashes(folders);
  const inUse = new Set<string>();
  let hasGrown = false;
  function used(place: string, dated = place): void {
    if (maxBytes === undefined || inUse.has(place)) return;
    inUse.add(place);
    void touch(dated);
  }

  function store<T extends WrittenFile>(kind: string, file: string): FileStore<T> {
    const local = createFileStore<T>({ kind, file, folders, hashes, used });
    const both = shared === undefined ? local : sharedFiles(kind, local, shared);
    return {
      find: both.find,
      store(key, produce) {
        hasGrown = true;
        return both.store(key, produce);
      },
    };
  }
  const artefacts = store<Artefact>('artefacts', 'model.onnx');
  const deliveries = store<WrittenFile>('deliveries', 'delivered.bin');
  const calibrations = store<WrittenFile>('calibrations', 'observed.bin');

  async function read<T>(kind: RecordKind, key: string): Promise<T | undefined> {
    for (const root of folders.readable()) {
      const path = join(root, kind, `${key}.json`);
      const value = await readJson(path);
      if (value === undefined) continue;
      used(path);
      return value as T;
    }
    const elsewhere = await (await shared?.open())?.read(kind, key);
    if (elsewhere !== undefined) await keep(kind, key, elsewhere);
    return elsewhere as T | undefined;
  }

  async function keep(kind: RecordKind, key: string, value: unknown): Promise<void> {
    await replaceFile(join(await folders.writable(), kind, `${key}.json`), JSON.stringify(value));
  }

  async function write(kind: RecordKind, key: string, value: unknown): Promise<void> {
    await keep(kind, key, value);
    (await shared?.open())?.write(kind, key, value);
  }

  async function close(): Promise<RemoteCounts | undefined> {
    const counts = await shared?.close();
    if (maxBytes !== undefined && folder !== false && hasGrown) await shrinkCache(folder, maxBytes, inUse);
    await folders.close();
    return counts;
  }

  const named = async (file: NamedFile): Promise<string> => nameFile(join(await folders.writable(), 'named'), file);

  const { once } = createLocks(() => folders.writable());

  return { ...artefacts, once, hashes, calibrations, deliveries, read, write, named, close };
}

/** Nothing is opened for what this machine has. */
function sharedFiles<T extends WrittenFile>(kind: string, local: FileStore<T>, shared: Shared): FileStore<T> {
  const both = async (): Promise<FileStore<T>> => (await shared.open()).files(kind, local);
  return {
    find: async (key) => (await local.find(key)) ?? (await both()).find(key),
    store: async (key, produce) => (await both()).store(key, produce),
  };
}

/** The memo lives where results go, which is found out at the first use. */
function lazyHashes(folders: CacheFolders): HashMemo {
  const memo = async (): Promise<HashMemo> => createHashMemo(join(await folders.writable(), 'hashes'));
  return {
    digest: async (path) => (await memo()).digest(path),
    remember: async (path, sha256) => (await memo()).remember(path, sha256),
  };
}
