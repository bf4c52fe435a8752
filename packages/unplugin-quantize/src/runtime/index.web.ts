import type { ModelVariant, QuantizedModel } from '../types.ts';
import { download } from './download.ts';
import { openHttp } from './http.ts';
import { checkThreads } from './session-options.ts';
import { describeSession } from './session.ts';
import { createWebSession, loadWebEngine } from './session.web.ts';
import type { CreateSessionOptions, LoadOptions, QuantizeSession } from './types.ts';
import { chooseVariant, modelFile } from './variant.ts';

export * from './public.ts';

/**
 * Downloads a model and makes an onnxruntime InferenceSession of it: in a browser on onnxruntime-web's WASM, in Node on onnxruntime-node.
 * It may be called for many models at once; downloads then run side by side, while onnxruntime-web creates one session after the other.
 * @param model the default export of a `?quantize` import, or a URL (in Node also a file: URL or a path), whose size and hash are then not checked
 * @throws RuntimeError with code and hint; the reason of `options.signal` when that is aborted
 */
export async function createSession(model: QuantizedModel | string, options: CreateSessionOptions = {}): Promise<QuantizeSession> {
  options.signal?.throwIfAborted();
  checkThreads(options.numThreads);
  const variant = typeof model === 'string' ? null : chooseVariant(model, 'wasm', options.onWarning ?? console.warn);
  const file = modelFile(variant ?? (model as string));
  const engine = loadWebEngine();
  // The engine loads beside the model; a failure is met where it is awaited, not as an unhandled rejection before.
  engine.catch(() => undefined);
  const bytes = await download(openHttp, file, options);
  const session = await createWebSession(await engine, bytes, file, variant, options);
  return describeSession(session, 'wasm', variant);
}

/**
 * Downloads the file of a variant (or a bare URL) into one buffer and checks size and SHA-256.
 * @throws RuntimeError with code and hint; the reason of `options.signal` when that is aborted
 */
export async function loadModelBytes(variant: ModelVariant | string, options: LoadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return download(openHttp, modelFile(variant), options);
}
