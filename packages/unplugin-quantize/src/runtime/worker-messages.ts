import type { ModelVariant, QuantizedModel } from '../types.ts';
import { messageOf, RuntimeError, type RuntimeErrorCode } from './errors.ts';
import type { Backend, CreateSessionOptions, Fallback, InferenceSession, Progress } from './types.ts';

/** Options that can be sent; the others are events of the answer. */
export type SentOptions = Omit<CreateSessionOptions, 'signal' | 'onProgress' | 'onWarning' | 'onFallback' | 'worker'>;

/** The first message, to the worker itself; everything after it goes through the port, one for each session. */
export interface OpenMessage {
  unpluginQuantize: 'open';
  model: QuantizedModel | string;
  options: SentOptions;
  /** Whether the page wants to be told of every backend that is not used. */
  tellsFallbacks: boolean;
  port: MessagePort;
}

/** A tensor as it is sent. */
export interface SentTensor {
  type: string;
  dims: readonly number[];
  data: ArrayBufferView<ArrayBuffer> | string[];
}

export interface RunRequest {
  call: 'run';
  id: number;
  feeds: Record<string, SentTensor>;
  fetches: readonly string[] | undefined;
  options: object | undefined;
}

export type Request =
  | RunRequest
  | { call: 'release'; id: number }
  | { call: 'abort' | 'startProfiling' | 'endProfiling' };

/** What the session is at the moment. */
export interface SessionState {
  backend: Backend;
  variant: ModelVariant | null;
}

export type Facts = SessionState & Pick<InferenceSession, 'inputNames' | 'outputNames' | 'inputMetadata' | 'outputMetadata'>;

export interface RunAnswer {
  id: number;
  results: Record<string, SentTensor>;
  state: SessionState;
}

export type Answer =
  | { heard: true }
  | { progress: Progress }
  | { warning: string }
  | { fallback: Fallback }
  | { opened: Facts }
  | RunAnswer
  | { id: number; released: true }
  | { id: number | null; error: SentError };

/** An error as it is sent; `code` is that of a RuntimeError. */
export interface SentError {
  message: string;
  code?: RuntimeErrorCode;
  url?: string | undefined;
  hint?: string | undefined;
}

export function packError(error: unknown): SentError {
  if (!(error instanceof RuntimeError)) return { message: messageOf(error) };
  const { what, code, url, hint } = error;
  return { message: what, code, url, hint };
}

export function unpackError({ message, code, url, hint }: SentError): Error {
  return code === undefined ? new Error(message) : new RuntimeError(code, message, { url, hint });
}
