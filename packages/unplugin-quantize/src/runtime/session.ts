import type { ModelVariant } from '../types.ts';
import { messageOf, RuntimeError } from './errors.ts';
import type { Backend, InferenceSession, ModelFile, QuantizeSession } from './types.ts';

/** The session itself, with what it runs as two read-only properties. */
export function describeSession(session: InferenceSession, backend: Backend, variant: ModelVariant | null): QuantizeSession {
  return Object.defineProperties(session, {
    backend: { value: backend, enumerable: true },
    variant: { value: variant, enumerable: true },
  }) as QuantizeSession;
}

/** Lets go of a session that was finished after its signal was aborted, and throws the signal's reason. */
export async function releaseIfAborted(session: InferenceSession, signal: AbortSignal | undefined): Promise<void> {
  if (!signal?.aborted) return;
  await session.release();
  signal.throwIfAborted();
}

/** The engine's refusal of a model. Engines older than the artefact's operators are the usual cause, so the hint says so where it applies. */
export function sessionFailed(cause: unknown, engine: string, version: string | undefined, variant: ModelVariant | null, file: ModelFile): RuntimeError {
  const tooOld = variant !== null && version !== undefined && isOlder(version, variant.minOnnxruntime);
  return new RuntimeError('SESSION_FAILED', `${engine} ${version ?? ''} could not create a session: ${messageOf(cause)}`, {
    url: file.url,
    hint: tooOld ? `The artefact (${variant.format}) needs onnxruntime ${variant.minOnnxruntime} or newer.` : undefined,
    cause,
  });
}

/** Whether release `a` comes before release `b`; both are such as `1.30.0`, suffixes are not looked at. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(/[.-]/).slice(0, 3).map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] || 0) - (right?.[part] || 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
