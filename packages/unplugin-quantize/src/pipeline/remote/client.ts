import { QuantizeError } from '../../errors.ts';
import type { RemotePlace } from './place.ts';
import { within } from './patience.ts';
import type { Description } from './seal.ts';
import type { Transfer, Upload } from './transfer.ts';
import type { WrittenFile } from '../cache/write-file.ts';

/** What a build had of its shared cache. */
export interface RemoteCounts {
  /** Entries that were there. */
  found: number;
  /** Entries that were not, or not usable. */
  missed: number;
  /** Entries that were sent. */
  uploaded: number;
  /** Bytes that were sent. */
  uploadedBytes: number;
}

/** The shared cache as a build sees it: nothing here fails for the server's sake. */
export interface RemoteCache {
  /** @throws QuantizeError STORAGE_MISSING */
  find(key: string): Promise<Description | undefined>;
  /** Puts an entry's file at `path`; false where it cannot be had or has other bytes than the entry says. */
  download(key: string, found: Description, path: string): Promise<WrittenFile | undefined>;
  /** Sends an entry in the background. */
  push(key: string, entry: unknown, file?: string): void;
  /** Waits for what is under way, within bounds, and lets go of the server. */
  close(): Promise<RemoteCounts>;
}

interface ClientOptions {
  place: Pick<RemotePlace, 'name' | 'secrets' | 'readOnly' | 'flushTimeout'>;
  transfer: Transfer & { end?(): Promise<void> };
  warn(message: string): void;
}

export function createRemoteCache({ place, transfer, warn }: ClientOptions): RemoteCache {
  const counts = { found: 0, uploaded: 0, uploadedBytes: 0 };
  const damaged = new Set<string>();
  // A build looks again when it has a lock; by then it would be there in its own cache.
  const missed = new Set<string>();
  const uploads = new Set<Promise<void>>();
  let reads = true;
  let writes = !place.readOnly;
  let turnOff!: () => void;
  // Those who wait when it is turned off wait no longer.
  const off = new Promise<undefined>((resolve) => (turnOff = () => resolve(undefined)));

  const told = (error: unknown): string => place.secrets.reduce((text, secret) => text.replaceAll(secret, '***'), (error instanceof Error ? error.message : String(error)).split('\n')[0]!);

  async function guarded<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (!reads) return undefined;
    try {
      return await Promise.race([ask(), off]);
    } catch (error) {
      if (error instanceof QuantizeError) throw error;
      if (reads) warn(`The shared cache ${place.name} cannot be used (${told(error)}); the build goes on without it.`);
      reads = writes = false;
      turnOff();
      void transfer.end?.();
      return undefined;
    }
  }

  function distrust(key: string, why: string): undefined {
    if (damaged.size === 0) warn(`The shared cache ${place.name} has entries that are not used: ${why}. They are computed anew${place.readOnly ? '' : ' and replaced'}.`);
    damaged.add(key);
    return undefined;
  }

  async function send(upload: Upload): Promise<void> {
    try {
      const bytes = await transfer.upload(upload);
      counts.uploaded++;
      counts.uploadedBytes += bytes;
    } catch (error) {
      // One that may only read is of use all the same.
      if (writes) warn(`Results cannot be put into the shared cache ${place.name} (${told(error)}); they stay on this machine.`);
      writes = false;
    }
  }

  async function flush(): Promise<void> {
    try {
      await within(place.flushTimeout, Promise.all(uploads));
    } catch {
      if (writes) warn(`${uploads.size} results were not put into the shared cache ${place.name} within ${place.flushTimeout / 1000} s; another build will.`);
    }
  }

  return {
    async find(key) {
      if (missed.has(key)) return undefined;
      const answer = await guarded(() => transfer.find(key));
      if (answer?.kind === 'damaged') distrust(key, answer.why);
      if (answer?.kind === 'found') {
        // An entry with a file is there when its file is.
        if (answer.description.parts === undefined) counts.found++;
        return answer.description;
      }
      missed.add(key);
      return undefined;
    },
    async download(key, { entry, parts }, path) {
      const answer = parts === undefined ? ({ kind: 'damaged', why: 'a file is missing' } as const) : await guarded(() => transfer.download(parts, path));
      const { bytes, sha256 } = entry as Partial<WrittenFile>;
      if (answer?.kind === 'whole' && answer.file.bytes === bytes && answer.file.sha256 === sha256) {
        counts.found++;
        return answer.file;
      }
      missed.add(key);
      return answer && distrust(key, answer.kind === 'damaged' ? answer.why : 'a file has other bytes than its entry says');
    },
    push(key, entry, file) {
      if (!writes) return;
      const upload = send({ key, entry, file, replaces: damaged.has(key) }).finally(() => uploads.delete(upload));
      uploads.add(upload);
    },
    async close() {
      if (writes) await flush();
      reads = writes = false;
      turnOff();
      if (transfer.end === undefined) await within(1000, transfer.close()).catch(() => undefined);
      else await transfer.end();
      return { ...counts, missed: missed.size };
    },
  };
}
