import type { QuantizeSession, RunOptions, Tensor } from './types.ts';

/** Arrays that hold the elements of each type; of float16 the engine decides. */
interface Elements {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: string[];
}

/** The signal rejects the call. */
type Options = RunOptions & { signal?: AbortSignal };
type Fed<Value> = Value extends { dtype: infer Dtype extends keyof Elements | 'float16' } ? Tensor & { readonly type: Dtype } : Tensor;
type Given<Value> = Value extends { dtype: infer Dtype extends keyof Elements } ? Tensor & { readonly type: Dtype; readonly data: Elements[Dtype] } : Fed<Value>;

/** A session that knows the names and element types of the model's inputs and outputs. */
export type TypedSession<Inputs, Outputs> = Omit<QuantizeSession, 'run'> & {
  run(feeds: { [Name in keyof Inputs]: Fed<Inputs[Name]> }, options?: Options): Promise<{ [Name in keyof Outputs]: Given<Outputs[Name]> }>;
  /** Computes the named outputs only. */
  run<Name extends keyof Outputs>(feeds: { [Input in keyof Inputs]: Fed<Inputs[Input]> }, fetches: readonly Name[], options?: Options): Promise<{ [Output in Name]: Given<Outputs[Output]> }>;
};

/** What `createSession` makes of a model. */
export type SessionOf<Model> = Model extends { readonly signature?: infer Signature }
  ? NonNullable<Signature> extends { inputs: infer Inputs extends object; outputs: infer Outputs extends object } ? TypedSession<Inputs, Outputs> : QuantizeSession
  : QuantizeSession;
