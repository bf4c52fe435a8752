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
    if (family !== '') await evict(cache, inUse, family);
    await put().catch(async () => {
      await evict(cache, inUse);
      await put();
    });
  } catch (error) {
    onWarning(`The model is not kept for the next visit: ${messageOf(error)}`);
  }
}

/** Throws out what the page does not use: versions of one model, or everything. */
async function evict(cache: Cache, inUse: ReadonlySet<string>, family?: string): Promise<void> {
  for (const key of await cache.keys()) {
    if (inUse.has(new URL(key.url).pathname)) continue;
    if (family === undefined || (await familyOf(cache, key)) === family) await cache.delete(key);
  }
}

async function familyOf(cache: Cache, key: Request): Promise<string | null | undefined> {
  const kept = await cache.match(key);
  // A body that stays open keeps its room.
  await kept?.body?.cancel();
  return kept?.headers.get(FAMILY);
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
