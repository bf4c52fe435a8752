import { readFile } from 'node:fs/promises';
import { QuantizeError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { inTurn } from './in-turn.ts';
import { openOrtSession } from './ort-session.ts';

/**
 * onnxruntime-web's WASM build in Node, one thread: the engine of browsers without a GPU. Only the bare import resolves to the build
 * for Node. It reads the model into memory; external data has to come in `sessionOptions.externalData`.
 *
 * @throws the import's own error when the package is not there
 */
export async function loadWebEngine(): Promise<Engine> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  return {
    name: 'onnxruntime-web',
    version: ort.env.versions.web ?? ort.env.versions.common,
    async open(model, options) {
      const bytes = typeof model === 'string' ? await readModelFile(model) : model;
      const named = typeof model === 'string' ? model : undefined;
      const session = await oneAtATime(() => openOrtSession(ort, 'onnxruntime-web', 'wasm', bytes, options, named));
      return { ...session, run: (feeds, wanted) => oneAtATime(() => session.run(feeds, wanted)), close: () => oneAtATime(() => session.close()) };
    },
  };
}

/** All sessions share one WASM instance, which refuses to be set up or run by two callers at once. */
const oneAtATime = inTurn();

async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new QuantizeError('MODEL_NOT_FOUND', 'The model file cannot be read.', { model: path, cause });
  }
}
