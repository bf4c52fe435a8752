import { download } from './download.ts';
import { RuntimeError } from './errors.ts';
import { bodyChunks } from './http.ts';
import { openHttp } from './resume.ts';
import type { LoadOptions, ModelFile } from './types.ts';

const CACHE = 'unplugin-quantize';

/** Keys of models that this page has loaded. */
const inUse = new Set<string>();

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A model from the Cache API, else from the network, and then kept. Tabs, and sessions of one page, that want the same file wait for the first
 * one's download.
 * @throws RuntimeError as `download`; the signal's reason when aborted
 */
export async function loadShared(file: ModelFile, options: LoadOptions): Promise<Bytes> {
  const { sha256 } = file;
  // The hash is the key, so that a bare URL has none.
  const cache = sha256 === null || options.cache === false ? undefined : await openCache();
  if (sha256 === null || cache === undefined) return download(openHttp, file, options);
  // An address on the page's own origin that is never asked for.
  const key = `/.unplugin-quantize/${sha256}`;
  inUse.add(key);
  const load = async (): Promise<Bytes> => {
    const kept = await readKept(cache, key, file, options);
    if (kept !== undefined) return kept;
    const bytes = await download(openHttp, file, options);
    // Loaded on demand: it comes after a download only.
    const { keep } = await import('./keep.web.ts');
    await keep(cache, key, bytes, file, options, inUse);
    return bytes;
  };
  const { signal } = options;
  return navigator.locks.request(`${CACHE}:${sha256}`, signal === undefined ? {} : { signal }, load) as Promise<Bytes>;
}

/** Pages that are neither https nor localhost have none, and sandboxed frames may not use it: nothing is kept there. */
async function openCache(): Promise<Cache | undefined> {
  const storage = globalThis.caches as CacheStorage | undefined;
  if (storage === undefined || globalThis.navigator?.locks === undefined) return undefined;
  return storage.open(CACHE).catch(() => undefined);
}

/** The kept model, if it is there and what the build wrote; a damaged one is thrown out. */
async function readKept(cache: Cache, key: string, file: ModelFile, options: LoadOptions): Promise<Bytes | undefined> {
  const kept = await cache.match(key);
  if (kept === undefined) return undefined;
  const open = async () => ({ chunks: bodyChunks(kept.body, file.url, options.signal), length: file.bytes, answer: 'is kept' });
  try {
    return await download(open, { url: file.url, bytes: file.bytes, sha256: file.sha256 }, options);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    await cache.delete(key);
    return undefined;
  }
}
