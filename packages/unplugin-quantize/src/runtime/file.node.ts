import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { messageOf, RuntimeError } from './errors.ts';
import type { ModelStream } from './types.ts';

const CHUNK_BYTES = 1 << 20;

/** The path that a file: URL or a plain path means, or null for a URL of another scheme. One letter before a colon is a Windows drive. */
export function filePath(url: string): string | null {
  if (/^file:/i.test(url)) return fileURLToPath(url);
  return /^[a-z][a-z\d+.-]+:/i.test(url) ? null : url;
}

/**
 * Opens a model file.
 * @throws RuntimeError FILE_ERROR
 */
export async function openFile(path: string, signal: AbortSignal | undefined): Promise<ModelStream> {
  const handle = await open(path).catch((cause: unknown) => unreadable(path, cause));
  try {
    const { size } = await handle.stat();
    const stream = handle.createReadStream({ highWaterMark: CHUNK_BYTES, signal });
    return { chunks: fileChunks(stream, path, signal), length: size, answer: 'is a file' };
  } catch (cause) {
    await handle.close();
    return unreadable(path, cause);
  }
}

/** A stream that is left early is destroyed by its iterator, which closes the file. */
async function* fileChunks(stream: AsyncIterable<Buffer<ArrayBuffer>>, path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((cause: unknown) => {
        signal?.throwIfAborted();
        return unreadable(path, cause);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

function unreadable(path: string, cause: unknown): never {
  throw new RuntimeError('FILE_ERROR', `The model could not be read: ${messageOf(cause)}`, {
    url: path,
    hint: 'In Node a model is a file: URL, a path, or an http(s) URL with its host; an address of a page without a host is taken for a path.',
    cause,
  });
}
