import type { Feeds, SampleTensor } from '../calibrate/index.ts';
import type { EngineName, ValueSignature } from '../types.ts';

/** Options of onnxruntime's InferenceSession.create, as they travel with a variant. */
export type SessionOptions = Record<string, unknown>;

/** A model as a path, which lets onnxruntime find external data beside it, or as bytes. */
export type ModelFile = string | Uint8Array;

/** Something that runs ONNX models at build time. */
export interface Engine {
  name: EngineName;
  /** Version of the npm package. */
  version: string;
  /** @throws QuantizeError ENGINE_REJECTED when the engine refuses the model, MODEL_NOT_FOUND when the path leads nowhere */
  open(model: ModelFile, sessionOptions?: SessionOptions): Promise<RunModel>;
}

/** A model that is loaded; `close` gives its memory back and is needed even when a run has failed. */
export interface RunModel {
  /** Inputs that must be fed; those with a default value are not among them. */
  inputs: ValueSignature[];
  /** True where feeds may change as soon as `run` was called. */
  copiesFeeds?: true;
  /** Outputs of every kind; `dtype` is `unknown` for sequences and maps. `run` gives those that JavaScript can hold: no sequences, no 4-bit tensors. */
  outputs: ValueSignature[];
  /**
   * @param wanted names of the outputs that are needed; all unless given
   * @throws QuantizeError ENGINE_REJECTED with the engine's message
   */
  run(feeds: Feeds, wanted?: readonly string[]): Promise<Record<string, SampleTensor>>;
  close(): Promise<void>;
}
