import { messageOf } from './errors.ts';
import type { LoadOptions, ModelFile } from './types.ts';

const FAMILY = 'x-model-family';
const PIECE = 1 << 20;

/**
 * Keeps a model, and throws older versions of it out; where there is no room, everything else that this page does not use.
 * @param inUse keys of models that the page has loaded
 */
export async function keep(cache: Cache, key: string, bytes: Uint8Array<ArrayBuffer>, { family = '' }: ModelFile, { onWarning = console.warn }: LoadOptions, inUse: ReadonlySet<string>): Promise<void> {
  const put = (): Promise<void> => cache.put(key, new Response(inPieces(bytes), { headers: { [FAMILY]: family } }));
  try {
    await evict(cache, inUse, (entry) => family !== '' && entry.headers.get(FAMILY) === family);
    await put().catch(async () => {
      await evict(cache, inUse, () => true);
      await put();
    });
  } catch (error) {
    onWarning(`The model is not kept for the next visit: ${messageOf(error)}`);
  }
}

async function evict(cache: Cache, inUse: ReadonlySet<string>, isOld: (entry: Response) => boolean): Promise<void> {
  for (const key of await cache.keys()) {
    const entry = inUse.has(new URL(key.url).pathname) ? undefined : await cache.match(key);
    if (entry !== undefined && isOld(entry)) await cache.delete(key);
  }
}

/** The bytes as a stream, because a response made of the buffer would copy it. */
function inPieces(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let from = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (from >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.subarray(from, (from += PIECE)));
    },
  });
}
