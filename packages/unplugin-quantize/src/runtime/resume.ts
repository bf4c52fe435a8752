import { RuntimeError } from './errors.ts';
import { answerOf, bodyChunks, bodyLength, request, validatorOf } from './http.ts';
import type { LoadOptions, ModelStream } from './types.ts';

/** Answers that a server gives when it is busy or restarted. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const LONGEST_WAIT = 8_000;
const LONGEST_RETRY_AFTER = 30_000;

/**
 * Opens a file by HTTP and goes on after failures: with the rest of the file where the server promises that it is the same one (If-Range), else from
 * the start, leaving out what is there already. Without a hash to prove the bytes a file from the start must have the validator of before.
 * @throws RuntimeError NETWORK_ERROR, HTTP_ERROR, NOT_A_MODEL; the signal's reason when aborted
 */
export async function openHttp(url: string, options: LoadOptions, checked: boolean): Promise<ModelStream> {
  const patience = createPatience(options);
  const first = await patience(0, () => request(url, { from: 0, validator: null }, options.signal));
  return { chunks: resumed(url, first, options, checked, patience), length: bodyLength(first.headers), answer: answerOf(first) };
}

async function* resumed(url: string, first: Response, { signal }: LoadOptions, checked: boolean, patience: Patience): ModelStreamChunks {
  const validator = validatorOf(first.headers);
  let response = first;
  let received = 0;
  for (;;) {
    let skip = response.status === 206 ? 0 : received;
    try {
      for await (const chunk of bodyChunks(response.body, url, signal)) {
        const rest = chunk.subarray(Math.min(skip, chunk.byteLength));
        skip -= chunk.byteLength - rest.byteLength;
        received += rest.byteLength;
        yield rest;
      }
      return;
    } catch (error) {
      response = await patience(received, () => request(url, { from: received, validator }, signal), error);
      const same = startsAt(response, received) && (checked || validatorOf(response.headers) === validator);
      if (!same || (validator === null && !checked)) {
        await response.body?.cancel();
        throw error;
      }
    }
  }
}

type ModelStreamChunks = AsyncGenerator<Uint8Array<ArrayBuffer>>;

/** A part has to begin where the received bytes end. */
function startsAt({ status, headers }: Response, received: number): boolean {
  return status !== 206 || new RegExp(`^bytes ${received}-`).test(headers.get('content-range') ?? '');
}

/** Tries until an attempt succeeds or too many in a row have brought no byte; `failure` is one that has already happened. */
type Patience = <T>(received: number, attempt: () => Promise<T>, failure?: unknown) => Promise<T>;

function createPatience({ retries = 3, retryDelay = 500, signal }: LoadOptions): Patience {
  let failures = 0;
  let before = 0;
  return async (received, attempt, failure) => {
    let error = failure;
    for (;;) {
      if (error !== undefined) {
        if (received > before) failures = 0;
        before = received;
        if (++failures > retries || !isPassing(error)) throw error;
        await pause(waitFor(error, failures, retryDelay), signal);
      }
      try {
        return await attempt();
      } catch (thrown) {
        error = thrown;
      }
    }
  };
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof RuntimeError) || globalThis.navigator?.onLine === false) return false;
  return error.code === 'NETWORK_ERROR' || ('status' in error && PASSING.has(error.status as number));
}

/** Doubled from one failure to the next and spread, so that many pages do not come back at once; what a server asks for counts more. */
function waitFor(error: unknown, failures: number, delay: number): number {
  const asked = (error as { retryAfter?: number }).retryAfter ?? Number.NaN;
  if (asked >= 0) return Math.min(asked * 1000, LONGEST_RETRY_AFTER);
  return Math.min(delay * 2 ** (failures - 1), LONGEST_WAIT) * (0.75 + Math.random() / 2);
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
