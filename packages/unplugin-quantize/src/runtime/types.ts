/** @ts-ignore -- An optional peer, absent in a browser project that checks its libraries. */
import type * as NodeEngine from 'onnxruntime-node';
/** @ts-ignore -- An optional peer, absent in a Node project that checks its libraries. */
import type * as WebEngine from 'onnxruntime-web';
import type { ModelVariant } from '../types.ts';

/**
 * Both engines are optional peers with the same types; the type of an absent package is `any`, so the present one is taken.
 * In tuples, because a condition on an unresolved type itself is not decided.
 */
type Present<A, B> = [0] extends [1 & A] ? B : A;

export type InferenceSession = Present<WebEngine.InferenceSession, NodeEngine.InferenceSession>;
export type SessionOptions = Present<WebEngine.InferenceSession.SessionOptions, NodeEngine.InferenceSession.SessionOptions>;
export type RunOptions = Present<WebEngine.InferenceSession.RunOptions, NodeEngine.InferenceSession.RunOptions>;
export type Tensor = Present<WebEngine.Tensor, NodeEngine.Tensor>;

/**
 * What runs a model. In browsers `webgpu`, and onnxruntime-web's WASM with several threads or one (`wasm-threads`, `wasm`); in Node
 * onnxruntime-node on `cuda`, `webgpu` or `cpu`, and onnxruntime-web's `wasm`.
 */
export type Backend = 'webgpu' | 'wasm-threads' | 'wasm' | 'cuda' | 'cpu';

/** How far the download has come. `loaded` never falls; the last report of a finished download has `share` 1. */
export interface Progress {
  /** Bytes of the model so far, after any compression was undone. */
  loaded: number;
  /** Bytes of the whole model, or null while they are unknown (a bare URL whose answer does not tell). */
  total: number | null;
  /** `loaded / total`, 0 to 1, or null while the total is unknown. */
  share: number | null;
}

/** A backend that is not used, and why. */
export interface Fallback {
  backend: Backend;
  reason: string;
}

export interface LoadOptions {
  /** Called after each chunk. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Stops the download; the promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Told what the developer should know though the work goes on: an integrity check that could not be made, threads that are not to be had.
   * @default console.warn
   */
  onWarning?: ((message: string) => void) | undefined;
  /**
   * Keep the file in the browser's Cache API under its SHA-256, for later visits and other tabs, offline too.
   * @default true
   */
  cache?: boolean | undefined;
  /**
   * How often in a row a request may fail without a new byte before the download is given up.
   * @default 3
   */
  retries?: number | undefined;
  /**
   * Milliseconds before the first retry; each further one waits twice as long, 8 s at most.
   * @default 500
   */
  retryDelay?: number | undefined;
}

/** How calls that come at about the same time are put into one run. */
export interface BatchOptions {
  /**
   * The most rows of one run: of the first dimension, summed over its calls.
   * @default 16
   */
  maxSize?: number | undefined;
  /**
   * Milliseconds that a call waits for others at most while nothing is computed.
   * @default 5
   */
  maxDelay?: number | undefined;
}

export interface CreateSessionOptions extends LoadOptions {
  /**
   * Backends to try, in this order. A GPU that stands here is tried for every model.
   * @default browser: webgpu, wasm-threads, wasm. Node: cuda, cpu, wasm. GPUs are then tried only for models with a canary and a variant that suits them
   */
  backends?: readonly Backend[] | undefined;
  /**
   * `order` takes the first backend that gives right answers; `speed` times the canary on all of them and takes the fastest. What was measured is remembered.
   * @default 'order'
   */
  prefer?: 'order' | 'speed' | undefined;
  /** Told of every backend that is not used. Without it only what went wrong is told, to `onWarning`. */
  onFallback?: ((fallback: Fallback) => void) | undefined;
  /**
   * Run the model's canary once on each backend, device and version of onnxruntime, and use no backend that answers it wrongly.
   * @default true
   */
  canary?: boolean | undefined;
  /**
   * onnxruntime's session options. What the variant's format needs is merged over them; the object itself is not written to. Of
   * `executionProviders` the entry of the backend in use is taken, for its settings.
   */
  sessionOptions?: SessionOptions | undefined;
  /**
   * Threads that one run may use. In a browser they need a cross-origin isolated page (COOP and COEP headers), otherwise 1 is used, and the first
   * session decides for all: it sets `ort.env.wasm.numThreads`. In Node it is the session's `intraOpNumThreads`.
   * @default onnxruntime's own choice
   */
  numThreads?: number | undefined;
  /**
   * Runs calls of `run` that come at about the same time as one, along the first dimension of inputs and outputs, where their other dimensions, their
   * types and the inputs without a batch are equal. For models whose inputs have a free first dimension; formats that round activations by the range
   * of a run (`int8-dynamic`) answer slightly differently then.
   */
  batch?: BatchOptions | undefined;
  /**
   * Calls of `run` that may be under way or wait; further ones are refused with QUEUE_FULL at once, so that a service can send its clients away.
   * @default 1000
   */
  maxQueue?: number | undefined;
  /** Browser only: a module worker whose file imports `unplugin-quantize/runtime/worker`. The session then lives and runs in it. */
  worker?: Worker | (() => Worker) | undefined;
}

/** An onnxruntime InferenceSession that also knows what it runs. Calls of `run` may overlap: they wait for each other where they have to. */
export type QuantizeSession = InferenceSession & {
  /** What runs the model now; it changes when a GPU was lost. */
  readonly backend: Backend;
  /** The variant that was loaded; null when a bare URL or path was given. */
  readonly variant: ModelVariant | null;
  /** As onnxruntime's; a call whose signal is aborted is rejected with its reason at once, and not computed where it still waits for a batch. */
  run(feeds: Record<string, Tensor>, options: RunOptions & { signal: AbortSignal }): Promise<Record<string, Tensor>>;
  run(feeds: Record<string, Tensor>, fetches: readonly string[], options: RunOptions & { signal: AbortSignal }): Promise<Record<string, Tensor>>;
  /** `release` under another name: ends the session once the calls under way have their answers. */
  dispose(): Promise<void>;
};

/** The part of a variant that a download needs. Size and hash are null for a bare URL and then not checked. */
export interface ModelFile {
  url: string;
  bytes: number | null;
  sha256: string | null;
  encoding?: 'gzip' | undefined;
  parts?: readonly { url: string; bytes: number }[] | undefined;
  /** What later versions of the model have in common with it. */
  family?: string | undefined;
}

/** A model's bytes on their way. */
export interface ModelStream {
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Bytes that the chunks will have, as far as the sender tells. */
  length: number | null;
  /** Completes "... but it is ...": `answered 200 OK` of a server. */
  answer: string;
}

/** Opens one file of the model behind a URL or path. `checked` tells that a hash will prove the bytes. */
export type OpenModel = (url: string, options: LoadOptions, checked: boolean) => Promise<ModelStream>;
