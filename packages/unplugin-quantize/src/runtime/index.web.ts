import type { ModelVariant, QuantizedModel } from '../types.ts';
import { loadShared } from './cache.web.ts';
import { webHost } from './host.web.ts';
import { openSession } from './session.ts';
import type { CreateSessionOptions, LoadOptions, QuantizeSession } from './types.ts';
import type { SessionOf } from './typed-session.ts';
import { modelFile } from './variant.ts';

export * from './public.ts';

/**
 * Makes an onnxruntime InferenceSession of a model, on the best backend of this device that gives right answers: in a browser WebGPU or WASM, in
 * Node CUDA, the CPU, or WASM. It may be called for many models at once; downloads then run side by side, while onnxruntime-web creates one session
 * after the other.
 * @param model the default export of a `?quantize` import, or a URL (in Node also a file: URL or a path), whose size and hash are then not checked
 * @throws RuntimeError with code and hint; the reason of `options.signal` when that is aborted
 */
export async function createSession<Model extends QuantizedModel | string>(model: Model, options: CreateSessionOptions = {}): Promise<SessionOf<Model>> {
  return (await open(model, options)) as SessionOf<Model>;
}

async function open(model: QuantizedModel | string, options: CreateSessionOptions): Promise<QuantizeSession> {
  if (options.worker === undefined) return openSession(webHost, model, options);
  const { openInWorker } = await import('./worker-client.web.ts');
  return openInWorker(model, options);
}

/**
 * The file of a variant (or a bare URL) in one buffer, after size and SHA-256 were checked.
 * @throws RuntimeError with code and hint; the reason of `options.signal` when that is aborted
 */
export async function loadModelBytes(variant: ModelVariant | string, options: LoadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return loadShared(modelFile(variant), options);
}
