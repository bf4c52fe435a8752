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

/** What runs the model: onnxruntime-web's WASM or onnxruntime-node. */
export type Backend = 'wasm' | 'node';

/** How far the download has come. `loaded` never falls; the last report of a finished download has `share` 1. */
export interface Progress {
  /** Bytes of the model so far, after any content-encoding was undone. */
  loaded: number;
  /** Bytes of the whole model, or null while they are unknown (a bare URL whose answer does not tell). */
  total: number | null;
  /** `loaded / total`, 0 to 1, or null while the total is unknown. */
  share: number | null;
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
}

export interface CreateSessionOptions extends LoadOptions {
  /** onnxruntime's session options. What the variant's format needs is merged over them; the object itself is not written to. */
  sessionOptions?: SessionOptions | undefined;
  /**
   * Threads that one run may use. In a browser they need a cross-origin isolated page (COOP and COEP headers), otherwise 1 is used, and the first
   * session decides for all: it sets `ort.env.wasm.numThreads`. In Node it is the session's `intraOpNumThreads`.
   * @default onnxruntime's own choice
   */
  numThreads?: number | undefined;
}

/** An ordinary onnxruntime InferenceSession that also knows what it runs. */
export type QuantizeSession = InferenceSession & {
  readonly backend: Backend;
  /** The variant that was loaded; null when a bare URL or path was given. */
  readonly variant: ModelVariant | null;
};

/** The part of a variant that a download needs. Size and hash are null for a bare URL and then not checked. */
export interface ModelFile {
  url: string;
  bytes: number | null;
  sha256: string | null;
}

/** A model's bytes on their way. */
export interface ModelStream {
  chunks: AsyncIterable<Uint8Array>;
  /** Bytes that the chunks will have, as far as the sender tells. */
  length: number | null;
  /** Completes "... but it is ...": `answered 200 OK` of a server. */
  answer: string;
}

/** Opens the file behind a URL or path. */
export type OpenModel = (url: string, signal: AbortSignal | undefined) => Promise<ModelStream>;
