import { messageOf, RuntimeError } from './errors.ts';

const STATUS_HINTS: Record<number, string> = {
  401: 'The server asks for credentials, which a model download does not send to other origins.',
  403: 'The server refuses access; object stores also answer so for files that do not exist.',
  404: 'Check that the file was deployed with the page and that the `base` of the build is the address it is served from.',
};

export const HTML_HINT =
  'The server probably answers unknown addresses with its index page. Check that the file was deployed with the page and that the `base` of the build is right.';

/** What a request asks for: all of the file, or what comes after the bytes that are there, if the file is still the one of the validator. */
export interface Wanted {
  from: number;
  validator: string | null;
}

/**
 * Asks once for a file by HTTP (or a data: or blob: URL).
 * @throws RuntimeError NETWORK_ERROR, HTTP_ERROR, or NOT_A_MODEL for an HTML answer; the signal's reason when aborted
 */
export async function request(url: string, { from, validator }: Wanted, signal: AbortSignal | undefined): Promise<Response> {
  const headers: Record<string, string> = validator === null || from === 0 ? {} : { Range: `bytes=${from}-`, 'If-Range': validator };
  const response = await fetch(url, { signal: signal ?? null, headers }).catch((cause: unknown) => lost('could not be fetched', url, signal, cause));
  const refusal = refuse(response, url);
  if (refusal === undefined) return response;
  await response.body?.cancel();
  throw refusal;
}

/** `answered 200 OK`. */
export function answerOf({ status, statusText }: Response): string {
  return `answered ${status} ${statusText}`.trimEnd();
}

function refuse(response: Response, url: string): RuntimeError | undefined {
  const { ok, status, headers } = response;
  if (!ok) {
    const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
    return Object.assign(new RuntimeError('HTTP_ERROR', `The server ${answerOf(response)} for the model`, { url, hint: STATUS_HINTS[status] }), { status, retryAfter });
  }
  if (!/^text\/html\b/i.test(headers.get('content-type') ?? '')) return undefined;
  return new RuntimeError('NOT_A_MODEL', `The server ${answerOf(response)} with an HTML page instead of the model`, { url, hint: HTML_HINT });
}

/** Content-Length counts encoded bytes, so it says nothing of a compressed answer. */
export function bodyLength(headers: Headers): number | null {
  const length = headers.get('content-length');
  return isPlain(headers) && length !== null && /^\d+$/.test(length) ? Number(length) : null;
}

/** What a later request names to get the rest of the very same file; null where the server gives nothing to rely on. */
export function validatorOf(headers: Headers): string | null {
  const tag = headers.get('etag');
  if (!isPlain(headers)) return null;
  if (tag === null) return headers.get('last-modified');
  return tag.startsWith('W/') ? null : tag;
}

function isPlain(headers: Headers): boolean {
  return (headers.get('content-encoding') ?? 'identity') === 'identity';
}

/** @throws RuntimeError NETWORK_ERROR; the signal's reason when aborted */
export async function* bodyChunks(body: ReadableStream<Uint8Array<ArrayBuffer>> | null, url: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => lost('broke off while it was downloaded', url, signal, cause));
      if (done) return;
      yield value;
    }
  } finally {
    // Frees the connection when the reader of the chunks stops early. A stream that already failed rejects with the error thrown above.
    await reader.cancel().catch(() => undefined);
  }
}

function lost(what: string, url: string, signal: AbortSignal | undefined, cause: unknown): never {
  signal?.throwIfAborted();
  throw new RuntimeError('NETWORK_ERROR', `The model ${what}: ${messageOf(cause)}`, {
    url,
    hint: 'Check the address and the connection; a server of another origin must send Access-Control-Allow-Origin.',
    cause,
  });
}
