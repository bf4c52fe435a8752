import { access } from 'node:fs/promises';
import { QuantizeError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { openOrtSession } from './ort-session.ts';

/**
 * onnxruntime-node on the CPU. From a path it finds external data beside the model by itself.
 *
 * @throws the import's own error when the package is not there
 */
export async function loadNodeEngine(): Promise<Engine> {
  const ort = await import('onnxruntime-node');
  return {
    name: 'onnxruntime-node',
    version: ort.env.versions.node ?? ort.env.versions.common,
    async open(model, options) {
      if (typeof model === 'string') await assertThere(model);
      return openOrtSession(ort, 'onnxruntime-node', 'cpu', model, options);
    },
  };
}

async function assertThere(model: string): Promise<void> {
  try {
    await access(model);
  } catch (cause) {
    throw new QuantizeError('MODEL_NOT_FOUND', 'The model file cannot be read.', { model, cause });
  }
}
