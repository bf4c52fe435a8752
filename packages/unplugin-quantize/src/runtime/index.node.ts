import type { ModelVariant, QuantizedModel } from '../types.ts';
import { download } from './download.ts';
import { filePath, openFile } from './file.node.ts';
import { openHttp } from './http.ts';
import { checkThreads } from './session-options.ts';
import { createNodeSession, loadNodeEngine, verifyFile } from './session.node.ts';
import { describeSession } from './session.ts';
import type { CreateSessionOptions, LoadOptions, ModelStream, QuantizeSession } from './types.ts';
import { chooseVariant, modelFile } from './variant.ts';

export * from './public.ts';

/** As in index.web.ts, on onnxruntime-node. */
export async function createSession(model: QuantizedModel | string, options: CreateSessionOptions = {}): Promise<QuantizeSession> {
  options.signal?.throwIfAborted();
  checkThreads(options.numThreads);
  const variant = typeof model === 'string' ? null : chooseVariant(model, 'node', options.onWarning ?? console.warn);
  const file = modelFile(variant ?? (model as string));
  const engine = await loadNodeEngine();
  const path = filePath(file.url);
  if (path !== null) await verifyFile(path, file, options);
  const source = path ?? (await download(openHttp, file, options));
  const session = await createNodeSession(engine, source, file, variant, options);
  return describeSession(session, 'node', variant);
}

/** As in index.web.ts, for files too. */
export async function loadModelBytes(variant: ModelVariant | string, options: LoadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return download(openFileOrHttp, modelFile(variant), options);
}

function openFileOrHttp(url: string, signal: AbortSignal | undefined): Promise<ModelStream> {
  const path = filePath(url);
  return path === null ? openHttp(url, signal) : openFile(path, signal);
}
