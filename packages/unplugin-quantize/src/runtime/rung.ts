import type { Canary, ModelVariant, QuantizedModel } from '../types.ts';
import { RuntimeError } from './errors.ts';
import type { Device, Engine, Host, LoadedModel, Opened } from './host.ts';
import { mergeSessionOptions } from './session-options.ts';
import type { Backend, CreateSessionOptions, ModelFile, SessionOptions } from './types.ts';
import { chooseVariant, isGpu, modelFile, suitsGpu } from './variant.ts';
import { verdictKey, type Verdict } from './verdict.ts';

/** A backend that can be tried, with all that is known before a model is downloaded. */
export interface Rung {
  backend: Backend;
  variant: ModelVariant | null;
  file: ModelFile;
  engine: Engine;
  device: Device;
  sessionOptions: SessionOptions;
  /** Present where the backend's answers can be checked. */
  trial?: { canary: Canary; key: string; verdict: Verdict | undefined };
}

/**
 * Finds out what can be known of a backend without the model.
 * @throws RuntimeError BACKEND_UNAVAILABLE, NO_VARIANT, ENGINE_MISSING
 */
export async function prepareRung(host: Host, backend: Backend, model: QuantizedModel | string, options: CreateSessionOptions): Promise<Rung> {
  if (isGpu(backend) && options.backends === undefined && (typeof model === 'string' || !suitsGpu(model))) {
    throw new RuntimeError('BACKEND_UNAVAILABLE', `no artefact for GPUs with a canary to check it by; name ${backend} in \`backends\` to try it all the same`);
  }
  const device = await host.probe(backend, options);
  const variant = typeof model === 'string' ? null : chooseVariant(model, backend, device, options.onWarning ?? console.warn);
  const file = typeof model === 'string' ? modelFile(model) : modelFile(variant!, model);
  const sessionOptions = mergeSessionOptions(options.sessionOptions, variant?.sessionOptions);
  const engine = await host.engine(backend);
  const rung: Rung = { backend, variant, file, engine, device, sessionOptions };
  const canary = typeof model === 'string' || options.canary === false ? null : model.canary;
  if (!canary || variant?.tolerance === undefined) return rung;
  const key = verdictKey(backend, device, engine, variant, canary, sessionOptions);
  const verdict = await (await host.verdicts()).get(key);
  if (verdict !== undefined && verdict.wrong !== null) {
    throw new RuntimeError('BACKEND_UNAVAILABLE', `it answered wrongly on this device before: ${verdict.wrong}`);
  }
  return { ...rung, trial: { canary, key, verdict } };
}

/**
 * Makes the session, and has it answer the canary where that is not known yet.
 * @param timed measure how long a run takes, too
 * @throws RuntimeError SESSION_FAILED, WRONG_ANSWER; the signal's reason when aborted
 */
export async function openRung(host: Host, rung: Rung, model: LoadedModel, options: CreateSessionOptions, timed: boolean): Promise<Opened & { time?: number }> {
  const { engine, backend, variant, trial } = rung;
  const session = await engine.create(backend, model, rung.sessionOptions, options).catch((cause: unknown) => {
    throw withRelease(cause, engine, rung);
  });
  const opened = { ...session, variant };
  try {
    options.signal?.throwIfAborted();
    if (trial === undefined) return opened;
    const known = trial.verdict;
    if (known !== undefined && (!timed || known.time !== undefined)) return { ...opened, ...known };
    // Loaded on demand: a device needs it once.
    const { judge } = await import('./canary.ts');
    const verdict = await judge(session, engine, trial.canary, variant!, timed);
    await (await host.verdicts()).set(trial.key, verdict);
    options.signal?.throwIfAborted();
    if (verdict.wrong === null) return { ...opened, ...verdict };
    throw new RuntimeError('WRONG_ANSWER', `${engine.name} ${engine.version} on ${backend} computes wrongly: ${verdict.wrong}`, { url: rung.file.url });
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Engines older than the artefact's operators are the usual cause of a refusal, so the hint says so where it applies. */
function withRelease(cause: unknown, engine: Engine, { variant, file }: Rung): unknown {
  if (!(cause instanceof RuntimeError) || cause.code !== 'SESSION_FAILED') return cause;
  const isOld = variant !== null && isOlder(engine.version, variant.minOnnxruntime);
  const hint = isOld ? `The artefact (${variant.format}) needs onnxruntime ${variant.minOnnxruntime} or newer.` : undefined;
  return new RuntimeError('SESSION_FAILED', cause.what, { url: file.url, hint, cause: cause.cause });
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
