import { messageOf, RuntimeError } from './errors.ts';

type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>>;

/** The first byte of a gzip file. No ONNX file begins so: as a protobuf key it has a wire type that does not exist. */
const GZIP = 0x1f;

/**
 * Unpacks gzip, unless a server has declared the file as compressed, so that the browser has unpacked it already.
 * @throws RuntimeError HASH_MISMATCH when the file is damaged; what the source throws
 */
export async function* unpacked(source: AsyncIterable<Uint8Array<ArrayBuffer>>, url: string): Chunks {
  const iterator = source[Symbol.asyncIterator]();
  let next = await iterator.next();
  while (next.done !== true && next.value.byteLength === 0) next = await iterator.next();
  if (next.done === true) return;
  const isPacked = next.value[0] === GZIP;
  let failure: { error: unknown } | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        if (next.done === true) return controller.close();
        controller.enqueue(next.value);
        next = await iterator.next();
      } catch (error) {
        failure = { error };
        controller.error(error);
      }
    },
    // Not waited for: a chunk that is under way ends with the download's signal.
    cancel: () => void iterator.return?.(),
  });
  try {
    yield* readAll(isPacked ? stream.pipeThrough(new DecompressionStream('gzip')) : stream);
  } catch (cause) {
    if (failure !== undefined) throw failure.error;
    throw new RuntimeError('HASH_MISMATCH', `The model could not be unpacked: ${messageOf(cause)}`, {
      url,
      hint: 'The file was cut short or changed after the build.',
      cause,
    });
  }
}

async function* readAll(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Chunks {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // A stream that already failed rejects with the error thrown above.
    await reader.cancel().catch(() => undefined);
  }
}
