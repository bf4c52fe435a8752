import type { ModelVariant } from '../types.ts';
import type { Backend, CreateSessionOptions, InferenceSession, ModelFile, SessionOptions, Tensor } from './types.ts';
import type { VerdictStore } from './verdict.ts';

/** What differs between browsers and Node. */
export interface Host {
  /** Backends that there may be, in the order of the default ladder, without those that have to be asked for. */
  ladder(options: CreateSessionOptions): readonly Backend[];
  /** All backends that may be named in `backends`. */
  backends: readonly Backend[];
  /**
   * Looks whether a backend can be had, before anything is downloaded.
   * @throws RuntimeError BACKEND_UNAVAILABLE with the reason
   */
  probe(backend: Backend, options: CreateSessionOptions): Promise<Device>;
  /** @throws RuntimeError ENGINE_MISSING */
  engine(backend: Backend): Promise<Engine>;
  /** Downloads or reads a model and checks it. */
  load(file: ModelFile, backend: Backend, options: CreateSessionOptions): Promise<LoadedModel>;
  verdicts(): Promise<VerdictStore>;
}

/** What a backend would run on. */
export interface Device {
  /** Names hardware and driver as well as the platform tells: another name, another verdict. */
  name: string;
  /** Whether half-precision graphs run. */
  hasFloat16: boolean;
  /** Bytes of the largest tensor that fits; absent where memory is the only limit. */
  largestTensor?: number;
}

/** A model's bytes, or the path of a file that the engine reads itself. */
export type LoadedModel = Uint8Array<ArrayBuffer> | string;

/** onnxruntime, loaded. */
export interface Engine {
  name: 'onnxruntime-web' | 'onnxruntime-node';
  version: string;
  Tensor: new (type: never, data: never, dims: readonly number[]) => Tensor;
  /** @throws RuntimeError SESSION_FAILED, ENGINE_MISSING */
  create(backend: Backend, model: LoadedModel, sessionOptions: SessionOptions, options: CreateSessionOptions): Promise<EngineSession>;
}

/** A session as an engine gives it. */
export interface EngineSession {
  /** What it really runs on: threads may turn out not to be had. */
  backend: Backend;
  session: InferenceSession;
  /** Runs one call, after others where they may not overlap. @throws RuntimeError DEVICE_LOST; the engine's errors */
  run(...args: RunArguments): Promise<RunResults>;
  release(): Promise<void>;
}

export type RunArguments = [feeds: Record<string, Tensor>, fetches?: unknown, options?: unknown];
export type RunResults = Record<string, Tensor>;

/** A session of a backend whose answers were found right, or that nothing is known against. */
export interface Opened extends EngineSession {
  variant: ModelVariant | null;
}

/** Stands in front of a session's `run`. */
export interface Batcher {
  /** @param signal takes a call that still waits out of its group */
  run(args: RunArguments, signal?: AbortSignal): Promise<RunResults>;
  /** Nothing waits for further calls any more. */
  flush(): void;
}
