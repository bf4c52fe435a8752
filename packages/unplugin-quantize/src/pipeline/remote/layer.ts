import type { FileStore, Stored } from '../cache/file-store.ts';
import type { WrittenFile } from '../cache/write-file.ts';
import type { RemoteCache } from './client.ts';

/** What is not on this machine is looked for in the shared cache, and what is made here is put there. */
export interface RemoteLayer {
  /** `find` looks in the shared cache only, and keeps what it finds on this machine. */
  files<T extends WrittenFile>(kind: string, local: FileStore<T>): FileStore<T>;
  read(kind: string, key: string): Promise<unknown>;
  write(kind: string, key: string, value: unknown): void;
}

/** The shared cache had it, and then had not. */
const LOST = new Error('not in the shared cache');

/** @param prefix of all keys: what the layout and the bytes of entries depend on */
export function createLayer(remote: RemoteCache, prefix: string): RemoteLayer {
  const at = (kind: string, key: string): string => `${prefix}:${kind}:${key}`;
  return {
    files: <T extends WrittenFile>(kind: string, local: FileStore<T>): FileStore<T> => ({
      async find(key) {
        return fetched<T>(remote, at(kind, key), key, local);
      },
      async store(key, produce) {
        const stored = await local.store(key, produce);
        const { file, ...entry } = stored;
        remote.push(at(kind, key), entry, file);
        return stored;
      },
    }),
    async read(kind, key) {
      return (await remote.find(at(kind, key)))?.entry;
    },
    write: (kind, key, value) => remote.push(at(kind, key), value),
  };
}

async function fetched<T extends WrittenFile>(remote: RemoteCache, place: string, key: string, local: FileStore<T>): Promise<Stored<T> | undefined> {
  const found = await remote.find(place);
  if (found === undefined) return undefined;
  try {
    return await local.store(key, async (path) => {
      if ((await remote.download(place, found, path)) === undefined) throw LOST;
      return found.entry as T;
    });
  } catch (error) {
    if (error === LOST) return undefined;
    throw error;
  }
}
