import type * as Ort from 'onnxruntime-web/wasm';
import type { ModelVariant } from '../types.ts';
import { messageOf, RuntimeError } from './errors.ts';
import { mergeSessionOptions } from './session-options.ts';
import { releaseIfAborted, sessionFailed } from './session.ts';
import type { CreateSessionOptions, InferenceSession, ModelFile } from './types.ts';

export type WebEngine = typeof Ort;

/** Whether a session of this page has started the engine: its threads are then fixed. */
let started = false;
/** The creation that has to end before the next may begin. */
let creating: Promise<unknown> = Promise.resolve();

/**
 * Loads onnxruntime-web's WASM build. The import must stay dynamic: ORT's worker threads run the chunk that contains it once more.
 * @throws RuntimeError ENGINE_MISSING
 */
export async function loadWebEngine(): Promise<WebEngine> {
  try {
    return await import('onnxruntime-web/wasm');
  } catch (cause) {
    throw new RuntimeError('ENGINE_MISSING', `onnxruntime-web could not be loaded: ${messageOf(cause)}`, {
      hint: 'Check that its chunk was deployed with the page.',
      cause,
    });
  }
}

/**
 * Creates one session after the other: onnxruntime-web keeps the files of external data and the current device in globals while it creates a session,
 * and its memory never shrinks, so two models copied into it at once would cost their sum for good.
 * @throws RuntimeError ENGINE_MISSING, SESSION_FAILED; the signal's reason when aborted
 */
export function createWebSession(
  engine: WebEngine,
  bytes: Uint8Array<ArrayBuffer>,
  file: ModelFile,
  variant: ModelVariant | null,
  options: CreateSessionOptions,
): Promise<InferenceSession> {
  const created = creating.then(async () => {
    options.signal?.throwIfAborted();
    setThreads(engine.env.wasm, options.numThreads, options.onWarning ?? console.warn);
    const session = await engine.InferenceSession.create(bytes, mergeSessionOptions(options.sessionOptions, variant?.sessionOptions)).catch(
      (cause: unknown) => {
        throw engineFailed(cause) ?? sessionFailed(cause, 'onnxruntime-web', engine.env.versions.web, variant, file);
      },
    );
    started = true;
    await releaseIfAborted(session, options.signal);
    return session;
  });
  // The next creation waits for this one, whatever became of it; its caller sees the failure.
  creating = created.then(nothing, nothing);
  return created;
}

function nothing(): void {}

function setThreads(wasm: WebEngine['env']['wasm'], asked: number | undefined, warn: (message: string) => void): void {
  if (asked === undefined) return;
  const isolated = globalThis.crossOriginIsolated === true;
  const threads = isolated ? asked : 1;
  if (threads < asked) {
    warn(`numThreads ${asked} was asked, 1 is used: threads need a cross-origin isolated page (Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy).`);
  }
  if (!started) wasm.numThreads = threads;
  else if (wasm.numThreads !== threads) warn(`onnxruntime-web has already started with ${wasm.numThreads} thread(s); numThreads ${threads} has no effect.`);
}

/** ORT tells an engine that did not start, mostly a missing .wasm file, from a bad model only by its message. */
function engineFailed(cause: unknown): RuntimeError | undefined {
  const message = messageOf(cause);
  if (!message.startsWith('no available backend found')) return undefined;
  return new RuntimeError('ENGINE_MISSING', `onnxruntime-web did not start: ${message}`, {
    hint: 'Check that ort-wasm-simd-threaded.wasm was deployed with the page and is served as a file, or set `ort.env.wasm.wasmPaths`.',
    cause,
  });
}
