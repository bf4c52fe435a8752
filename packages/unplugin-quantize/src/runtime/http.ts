import { messageOf, RuntimeError } from './errors.ts';
import type { ModelStream } from './types.ts';

const STATUS_HINTS: Record<number, string> = {
  401: 'The server asks for credentials, which a model download does not send to other origins.',
  403: 'The server refuses access; object stores also answer so for files that do not exist.',
  404: 'Check that the file was deployed with the page and that the `base` of the build is the address it is served from.',
};

export const HTML_HINT =
  'The server probably answers unknown addresses with its index page. Check that the file was deployed with the page and that the `base` of the build is right.';

/**
 * Asks for a file by HTTP (or a data: or blob: URL).
 * @throws RuntimeError NETWORK_ERROR, HTTP_ERROR, or NOT_A_MODEL for an HTML answer; the signal's reason when aborted
 */
export async function openHttp(url: string, signal: AbortSignal | undefined): Promise<ModelStream> {
  const response = await fetch(url, { signal: signal ?? null }).catch((cause: unknown) => lost('could not be fetched', url, signal, cause));
  const answer = `answered ${response.status} ${response.statusText}`.trimEnd();
  const refusal = refuse(response, answer, url);
  if (refusal !== undefined) {
    await response.body?.cancel();
    throw refusal;
  }
  return { chunks: bodyChunks(response.body, url, signal), length: bodyLength(response.headers), answer };
}

function refuse(response: Response, answer: string, url: string): RuntimeError | undefined {
  if (!response.ok) return new RuntimeError('HTTP_ERROR', `The server ${answer} for the model`, { url, hint: STATUS_HINTS[response.status] });
  if (!/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) return undefined;
  return new RuntimeError('NOT_A_MODEL', `The server ${answer} with an HTML page instead of the model`, { url, hint: HTML_HINT });
}

/** Content-Length counts encoded bytes, so it says nothing of a compressed answer. */
function bodyLength(headers: Headers): number | null {
  const encoding = headers.get('content-encoding') ?? 'identity';
  const length = headers.get('content-length');
  return encoding === 'identity' && length !== null && /^\d+$/.test(length) ? Number(length) : null;
}

async function* bodyChunks(body: ReadableStream<Uint8Array> | null, url: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
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
