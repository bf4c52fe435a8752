import type { ModelVariant, QuantizedModel } from '../types.ts';
import { download } from './download.ts';
import { nodeHost, openFileOrHttp } from './host.node.ts';
import { openSession } from './session.ts';
import type { CreateSessionOptions, LoadOptions } from './types.ts';
import type { SessionOf } from './typed-session.ts';
import { modelFile } from './variant.ts';

export * from './public.ts';

/** As in index.web.ts, on onnxruntime-node, or onnxruntime-web where that is not installed. */
export async function createSession<Model extends QuantizedModel | string>(model: Model, options: CreateSessionOptions = {}): Promise<SessionOf<Model>> {
  return (await openSession(nodeHost, model, options)) as SessionOf<Model>;
}

/** As in index.web.ts, for files too. */
export async function loadModelBytes(variant: ModelVariant | string, options: LoadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return download(openFileOrHttp, modelFile(variant), options);
}
