import { RuntimeError } from './errors.ts';
import { HTML_HINT } from './http.ts';
import type { LoadOptions, ModelFile, ModelStream, OpenModel } from './types.ts';
import { verifyBytes } from './verify.ts';

type Chunks = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** How things that are served in place of a model begin. No ONNX file begins so: the first byte is a protobuf key of ModelProto. */
const IMPOSTORS = [
  { begins: /^\s*<(!doctype|html|head|body)/i, what: 'an HTML page', hint: HTML_HINT },
  { begins: /^\s*<(\?xml|!--)/i, what: 'an XML document', hint: 'Object stores answer so when a file is missing or access is refused.' },
  { begins: /^version https:\/\/git-lfs/, what: 'a Git LFS pointer', hint: 'Run `git lfs pull` before the files are built or deployed.' },
];
const HEAD_BYTES = 64;

/**
 * Reads a model into one buffer, allocated once where its size is known.
 * @throws RuntimeError of the opener; NOT_A_MODEL, SIZE_MISMATCH, HASH_MISMATCH; the signal's reason when aborted
 */
export async function download(open: OpenModel, file: ModelFile, options: LoadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { onProgress, signal, onWarning = console.warn } = options;
  signal?.throwIfAborted();
  // Ends requests, too, whose answer nobody waits for any more.
  const requests = new AbortController();
  const abort = (): void => requests.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    const stream = await openModel(open, file, { ...options, signal: requests.signal });
    const bytes = await collect(checkedChunks(stream, file, onProgress), file.bytes ?? stream.length ?? 0);
    await verifyBytes(bytes, file, onWarning);
    signal?.throwIfAborted();
    return bytes;
  } finally {
    signal?.removeEventListener('abort', abort);
    requests.abort();
  }
}

/** The bytes of the artefact itself: parts one after the other, unpacked. */
export async function openModel(open: OpenModel, file: ModelFile, options: LoadOptions): Promise<ModelStream> {
  const [firstUrl = file.url, ...urls] = file.parts?.map((part) => part.url) ?? [];
  const checked = file.sha256 !== null;
  const first = await open(firstUrl, options, checked);
  async function* all(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    yield* first.chunks;
    for (const url of urls) yield* (await open(url, options, checked)).chunks;
  }
  const chunks = urls.length === 0 ? first.chunks : all();
  if (file.encoding === undefined) return { ...first, chunks, length: urls.length === 0 ? first.length : null };
  // Loaded on demand: not every app has compressed files.
  const { unpacked } = await import('./unpack.ts');
  return { ...first, chunks: unpacked(chunks, file.url), length: null };
}

/** Passes the chunks of a stream on, reporting progress; throws as soon as they cannot be the model. */
export async function* checkedChunks(stream: ModelStream, file: ModelFile, onProgress: LoadOptions['onProgress']): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array(HEAD_BYTES);
  let total = file.bytes ?? stream.length;
  let loaded = 0;
  const report = () => onProgress?.({ loaded, total, share: total === null ? null : loaded / total });
  for await (const chunk of stream.chunks) {
    if (chunk.byteLength === 0) continue;
    if (loaded < HEAD_BYTES) {
      head.set(chunk.subarray(0, HEAD_BYTES - loaded), loaded);
      checkHead(head.subarray(0, loaded + chunk.byteLength), stream, file);
    }
    loaded += chunk.byteLength;
    if (file.bytes !== null && loaded > file.bytes) throw sizeMismatch(file, `more than ${file.bytes} bytes`);
    // Another origin may hide its content-encoding, and with it that content-length is not the size.
    if (total !== null && loaded > total) total = null;
    report();
    yield chunk;
  }
  if (loaded === 0) throw new RuntimeError('NOT_A_MODEL', `The model is empty: ${file.url} ${stream.answer} without content`, { url: file.url });
  if (file.bytes !== null && loaded < file.bytes) throw sizeMismatch(file, `${loaded} bytes`);
  if (total !== loaded) {
    total = loaded;
    report();
  }
}

async function collect(chunks: Chunks, capacity: number): Promise<Uint8Array<ArrayBuffer>> {
  let buffer = new Uint8Array(capacity);
  let length = 0;
  for await (const chunk of chunks) {
    const needed = length + chunk.byteLength;
    if (needed > buffer.byteLength) {
      const grown = new Uint8Array(Math.max(needed, buffer.byteLength * 2));
      grown.set(buffer.subarray(0, length));
      buffer = grown;
    }
    buffer.set(chunk, length);
    length = needed;
  }
  return length === buffer.byteLength ? buffer : buffer.slice(0, length);
}

function checkHead(head: Uint8Array, stream: ModelStream, { url }: ModelFile): void {
  const text = new TextDecoder().decode(head);
  const impostor = IMPOSTORS.find(({ begins }) => begins.test(text));
  if (impostor === undefined) return;
  throw new RuntimeError('NOT_A_MODEL', `Expected a model, but ${url} ${stream.answer} with ${impostor.what}`, { url, hint: impostor.hint });
}

function sizeMismatch(file: ModelFile, found: string): RuntimeError {
  return new RuntimeError('SIZE_MISMATCH', `The model has ${found} where the build wrote ${file.bytes}`, {
    url: file.url,
    hint: 'The download was cut short, or a cache or deployment mixes files of two builds.',
  });
}
