import { createHash } from 'node:crypto';
import type * as Ort from 'onnxruntime-node';
import type { ModelVariant } from '../types.ts';
import { checkedChunks } from './download.ts';
import { messageOf, RuntimeError } from './errors.ts';
import { openFile } from './file.node.ts';
import { mergeSessionOptions } from './session-options.ts';
import { releaseIfAborted, sessionFailed } from './session.ts';
import type { CreateSessionOptions, InferenceSession, ModelFile } from './types.ts';
import { assertHash } from './verify.ts';

export type NodeEngine = typeof Ort;

/** @throws RuntimeError ENGINE_MISSING */
export async function loadNodeEngine(): Promise<NodeEngine> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new RuntimeError('ENGINE_MISSING', `onnxruntime-node could not be loaded: ${messageOf(cause)}`, {
      hint: 'Install it: npm install onnxruntime-node',
      cause,
    });
  }
}

/**
 * Checks size, first bytes and SHA-256 of a file without holding it in memory; the engine then reads it by its path, which also finds external data.
 * @throws RuntimeError FILE_ERROR, NOT_A_MODEL, SIZE_MISMATCH, HASH_MISMATCH; the signal's reason when aborted
 */
export async function verifyFile(path: string, file: ModelFile, options: CreateSessionOptions): Promise<void> {
  const hash = createHash('sha256');
  const stream = await openFile(path, options.signal);
  for await (const chunk of checkedChunks(stream, file, options.onProgress)) hash.update(chunk);
  assertHash(hash.digest('hex'), file);
}

/** @throws RuntimeError SESSION_FAILED; the signal's reason when aborted */
export async function createNodeSession(
  engine: NodeEngine,
  model: Uint8Array<ArrayBuffer> | string,
  file: ModelFile,
  variant: ModelVariant | null,
  options: CreateSessionOptions,
): Promise<InferenceSession> {
  options.signal?.throwIfAborted();
  const threads = options.numThreads === undefined ? {} : { intraOpNumThreads: options.numThreads };
  const sessionOptions = mergeSessionOptions({ ...options.sessionOptions, ...threads }, variant?.sessionOptions);
  const { InferenceSession } = engine;
  // One call a type, because the declared overloads do not take the union.
  const creation = typeof model === 'string' ? InferenceSession.create(model, sessionOptions) : InferenceSession.create(model, sessionOptions);
  const session = await creation.catch((cause: unknown) => {
    throw sessionFailed(cause, 'onnxruntime-node', engine.env.versions.node, variant, file);
  });
  await releaseIfAborted(session, options.signal);
  return session;
}
