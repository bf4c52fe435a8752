import { checkFeeds } from '../calibrate/index.ts';
import { QuantizeError } from '../errors.ts';
import type { EngineCheck } from '../types.ts';
import type { Engine, ModelFile, RunModel, SessionOptions } from './engine.ts';
import type { FoundEngines } from './find-engines.ts';
import { findSyntheticFeeds } from './synthetic-feeds.ts';

export interface CheckOptions {
  found: FoundEngines;
  source: ModelFile;
  artefact: ModelFile;
  /** One sample to run; without it inputs are generated from the signature. */
  sample?: unknown;
  sessionOptions?: SessionOptions | undefined;
  /** Name of the model in errors. */
  model?: string | undefined;
}

/**
 * Creates the artefact and runs it once in every engine that is there; the source is opened only where that fails.
 *
 * @throws QuantizeError ENGINE_REJECTED when an engine refuses the artefact although it runs the source
 */
export async function checkArtefact(options: CheckOptions): Promise<EngineCheck[]> {
  const checks: EngineCheck[] = [];
  for (const engine of options.found.engines) checks.push(await checkIn(engine, options));
  const missing = options.found.missing.map(({ engine, reason }): EngineCheck => ({ engine, version: null, outcome: 'not-run', reason }));
  return [...checks, ...missing];
}

async function checkIn(engine: Engine, options: CheckOptions): Promise<EngineCheck> {
  const { name, version } = engine;
  const complaint = await tryRun(engine, options.artefact, options.sample, options.sessionOptions);
  if (complaint === null) return { engine: name, version, outcome: 'ran' };
  const sourceComplaint = await tryRun(engine, options.source, options.sample);
  if (sourceComplaint !== null) return { engine: name, version, outcome: 'not-run', reason: `the source does not run either: ${sourceComplaint.what}` };
  throw new QuantizeError('ENGINE_REJECTED', `${name} ${version} runs the source but not the artefact: ${complaint.what}`, {
    model: options.model,
    hint: 'Nothing was emitted. Another format may do; please report the model with this message.',
    cause: complaint,
  });
}

/** Null when the model was created and ran once, else the refusal. */
async function tryRun(engine: Engine, model: ModelFile, sample: unknown, options?: SessionOptions): Promise<QuantizeError | null> {
  try {
    const session = await engine.open(model, options);
    try {
      await runOnce(session, sample);
    } finally {
      await session.close();
    }
    return null;
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'ENGINE_REJECTED') return error;
    throw error;
  }
}

async function runOnce(session: RunModel, sample: unknown): Promise<void> {
  if (sample !== undefined) {
    await session.run(checkFeeds(sample, session.inputs, 0));
    return;
  }
  const synthetic = await findSyntheticFeeds(session);
  if ('reason' in synthetic) throw new QuantizeError('ENGINE_REJECTED', `no generated input runs: ${synthetic.reason}`);
}
