import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { isFedType, showType, type Feeds, type SampleTensor, type TensorData } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { EngineName, ValueSignature } from '../types.ts';
import type { ModelFile, RunModel, SessionOptions } from './engine.ts';

/** The part of onnxruntime's JavaScript API that the Node binding and the WASM build share. */
export interface OrtModule {
  InferenceSession: Pick<typeof InferenceSession, 'create'>;
  Tensor: typeof Tensor;
}

/**
 * Opens a model in either build of onnxruntime. `executionProvider` wins over the options: a build measures on one known backend.
 *
 * @param name the model's path in errors
 * @throws QuantizeError ENGINE_REJECTED with onnxruntime's message
 */
export async function openOrtSession(
  ort: OrtModule,
  engine: EngineName,
  executionProvider: string,
  model: ModelFile,
  options: SessionOptions = {},
  name = typeof model === 'string' ? model : undefined,
): Promise<RunModel> {
  const settings = { ...QUIET, ...ownOptions(options), executionProviders: [executionProvider] };
  let session: InferenceSession;
  try {
    session = typeof model === 'string' ? await ort.InferenceSession.create(model, settings) : await ort.InferenceSession.create(ownMemory(model), settings);
  } catch (cause) {
    throw rejected(`${engine} cannot load the model`, name, cause);
  }
  const outputs = session.outputMetadata.map(toSignature);
  const fetches = outputs.filter((output) => isFedType(output.dtype) || output.dtype === 'string').map((output) => output.name);
  return {
    inputs: session.inputMetadata.map(toSignature),
    outputs,
    async run(feeds, wanted = fetches) {
      try {
        const results = await session.run(toOrt(ort, feeds), wanted, QUIET);
        return Object.fromEntries(wanted.map((output) => [output, fromOrt(results[output]!)]));
      } catch (cause) {
        throw rejected(`${engine} cannot run the model on ${showFeeds(feeds)}`, name, cause);
      }
    },
    close: () => session.release(),
  };
}

/** Fatal only: whatever onnxruntime would print as an error it also throws, and generated inputs are tried until one runs. */
const QUIET = { logSeverityLevel: 4 } as const;

/** A copy without undefined values, which the Node binding refuses; nested too, because the WASM build writes into what it is given. */
function ownOptions(options: SessionOptions): SessionOptions {
  const defined = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined.map(([key, value]) => [key, key === 'externalData' ? value : structuredClone(value)]));
}

/** The Node binding refuses bytes in a SharedArrayBuffer. */
function ownMemory(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
}

/** Dims without a name come as '' from the Node binding and as 2^32 - 1 from the WASM build. */
function toSignature(meta: InferenceSession.ValueMetadata): ValueSignature {
  if (!meta.isTensor) return { name: meta.name, dtype: 'unknown', dims: null };
  const dims = meta.shape.map((dim) => (dim === '' || dim === 0xffffffff || (typeof dim === 'number' && dim < 0) ? null : dim));
  return { name: meta.name, dtype: meta.type, dims };
}

function toOrt(ort: OrtModule, feeds: Feeds): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, dims }]) => [name, new ort.Tensor(dtype as Tensor.Type, data as Tensor.DataType, dims)]),
  );
}

function fromOrt(tensor: Tensor): SampleTensor {
  const { type, data, dims } = tensor;
  // Runtimes that have a Float16Array give float16 in one; its bit patterns are what the rest here reads.
  const isFloat16Array = type === 'float16' && !(data instanceof Uint16Array) && ArrayBuffer.isView(data);
  const elements = isFloat16Array ? new Uint16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length) : data;
  return { dtype: type, dims: [...dims], data: elements as TensorData };
}

function showFeeds(feeds: Feeds): string {
  return Object.entries(feeds).map(([name, { dtype, dims }]) => `${name} ${showType(dtype, dims)}`).join(', ') || 'no input';
}

function rejected(what: string, model: string | undefined, cause: unknown): QuantizeError {
  const message = (cause instanceof Error ? cause.message : String(cause)).trim();
  return new QuantizeError('ENGINE_REJECTED', `${what}: ${message}`, { model, cause });
}
