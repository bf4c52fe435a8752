import type * as Ort from 'onnxruntime-web/wasm';
import { messageOf, RuntimeError } from './errors.ts';
import type { Engine, EngineSession, LoadedModel, RunArguments, RunResults } from './host.ts';
import { createLane, type Lane } from './lane.ts';
import { withProvider } from './session-options.ts';
import type { Backend, CreateSessionOptions, InferenceSession, SessionOptions } from './types.ts';

export type WebOrt = typeof Ort;

export interface WebEngine extends Engine {
  /** `started` once a session has loaded its .wasm file and fixed its threads; `lost` with its GPU device, because a run may hang in it for ever. */
  state(): 'new' | 'started' | 'lost';
}

/** By onnxruntime-web's own objects: a bundler may have made one module of two entries. */
const engines = new WeakMap<object, WebEngine>();

/** An engine around one build of onnxruntime-web. */
export function webEngine(ort: WebOrt): WebEngine {
  const known = engines.get(ort.InferenceSession);
  if (known !== undefined) return known;
  const engine = createWebEngine(ort);
  engines.set(ort.InferenceSession, engine);
  return engine;
}

/**
 * Sessions are made and run one after the other: onnxruntime-web keeps the files of external data and the current device in globals, WebGPU runs of
 * two sessions must not overlap, and its memory never shrinks, so two models copied into it at once would cost their sum for good.
 */
function createWebEngine(ort: WebOrt): WebEngine {
  const lane = createLane();
  const version = ort.env.versions.web ?? ort.env.versions.common;
  let state: ReturnType<WebEngine['state']> = 'new';

  async function create(backend: Backend, model: LoadedModel, sessionOptions: SessionOptions, options: CreateSessionOptions): Promise<EngineSession> {
    const session = await lane(async () => {
      options.signal?.throwIfAborted();
      setThreads(ort.env.wasm, backend, options, state !== 'new');
      const provided = withProvider(sessionOptions, backend === 'webgpu' ? 'webgpu' : 'wasm');
      const created = await ort.InferenceSession.create(model as Uint8Array<ArrayBuffer>, provided).catch((cause: unknown) => {
        throw engineFailed(cause) ?? new RuntimeError('SESSION_FAILED', `onnxruntime-web ${version} could not create a session: ${messageOf(cause)}`, { cause });
      });
      state = 'started';
      return created;
    });
    const isThreaded = (ort.env.wasm.numThreads ?? 1) > 1;
    if (backend !== 'webgpu') return aroundSession(session, isThreaded ? 'wasm-threads' : 'wasm', lane);
    // Loaded on demand: only some devices have WebGPU.
    const { guardWith, watchDevice } = await import('./gpu.web.ts');
    const guard = guardWith(watchDevice(await ort.env.webgpu.device), () => void (state = 'lost'));
    return aroundSession(session, backend, (task) => lane(() => guard(task)));
  }

  return { name: 'onnxruntime-web', version, Tensor: ort.Tensor as unknown as Engine['Tensor'], create, state: () => state };
}

/** A function of its own, so that the session's closures do not hold the model's bytes. */
function aroundSession(session: Ort.InferenceSession, backend: Backend, lane: Lane): EngineSession {
  const run = session.run.bind(session) as (...args: RunArguments) => Promise<RunResults>;
  return {
    backend,
    session: session as InferenceSession,
    run: (...args) => lane(() => run(...args)),
    release: () => lane(() => session.release()),
  };
}

/** Threads that onnxruntime-web takes unasked. */
export function usualThreads(): number {
  return Math.min(4, Math.ceil((globalThis.navigator?.hardwareConcurrency || 1) / 2));
}

function setThreads(wasm: WebOrt['env']['wasm'], backend: Backend, { numThreads, onWarning = console.warn }: CreateSessionOptions, isStarted: boolean): void {
  const isolated = globalThis.crossOriginIsolated === true;
  if (numThreads !== undefined && numThreads > 1 && globalThis.crossOriginIsolated === false) {
    onWarning(`numThreads ${numThreads} was asked, 1 is used: threads need a cross-origin isolated page (Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy).`);
  }
  const threads = backend === 'wasm' || !isolated ? 1 : (numThreads ?? usualThreads());
  if (!isStarted) wasm.numThreads = threads;
  else if (numThreads !== undefined && wasm.numThreads !== threads) {
    onWarning(`onnxruntime-web has already started with ${wasm.numThreads} thread(s); numThreads ${threads} has no effect.`);
  }
}

/** ORT tells an engine that did not start, mostly a missing .wasm file, from a bad model only by its message. */
function engineFailed(cause: unknown): RuntimeError | undefined {
  const message = messageOf(cause);
  if (!message.startsWith('no available backend found')) return undefined;
  return new RuntimeError('ENGINE_MISSING', `onnxruntime-web did not start: ${message}`, {
    hint: 'Check that its .wasm file was deployed with the page and is served as a file, or set `ort.env.wasm.wasmPaths`.',
    cause,
  });
}
