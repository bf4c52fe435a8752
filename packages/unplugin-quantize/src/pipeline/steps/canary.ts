import { statSync } from 'node:fs';
import { openSamples, type LocatedSamples } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import { canaryTolerance, findEngines, makeCanary, type Engine, type FoundEngines } from '../../evaluate/index.ts';
import { comparedInputs } from '../../graph/index.ts';
import { readModel } from '../../onnx/index.ts';
import type { Canary, CanaryTolerance, Format, ValueSignature } from '../../types.ts';
import { withModelFile } from '../files/file-source.ts';

export interface CanaryTask {
  /** How errors call the model. */
  name: string;
  /** Absolute path. */
  source: string;
  /** True when the source keeps weights in other files. */
  isSplit: boolean;
  /** Inputs of the model, which samples are made for. */
  inputs: ValueSignature[];
  /** The first sample gives the values. */
  calibration: LocatedSamples | undefined;
}

/** Plain data, kept in the cache as JSON. */
export interface MadeCanary {
  canary: Canary | null;
  notes: string[];
}

/** The most that is loaded into WebAssembly, whose memory ends at 4 GB. */
export const LARGEST_IN_WASM = 2 ** 29;

/**
 * The canary of a model.
 *
 * @throws QuantizeError SAMPLES_*
 */
export async function canaryOf({ name, source, isSplit, inputs, calibration }: CanaryTask, given?: FoundEngines): Promise<MadeCanary> {
  const engine = canaryEngine(given ?? (await findEngines()), source, isSplit);
  if (engine === undefined) return { canary: null, notes: [] };
  try {
    const compared = withModelFile(source, name, ({ source: bytes, files }) => comparedInputs(readModel(bytes, files)));
    const made = await makeCanary(engine, source, await firstSample(calibration, inputs), compared);
    if ('canary' in made) return { canary: made.canary, notes: [] };
    return { canary: null, notes: [`There is no canary, by which devices could be checked: ${made.reason}`] };
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(name) : error;
  }
}

/** How far outputs of an artefact may be from the canary; undefined where no engine runs it. */
export async function toleranceFor(
  { reference: canary, format }: { reference: Canary; format: Format }, { artefact, sessionOptions, isSplit }: { artefact: string; sessionOptions: Record<string, unknown>; isSplit: boolean }, found: FoundEngines,
): Promise<Record<string, CanaryTolerance> | undefined> {
  const engine = canaryEngine(found, artefact, isSplit);
  return engine && canaryTolerance({ engine, artefact, sessionOptions, format, canary });
}

/** onnxruntime-web, which computes the same bits everywhere, unless the model does not fit into it. */
function canaryEngine({ engines }: FoundEngines, model: string, isSplit: boolean): Engine | undefined {
  const fits = !isSplit && statSync(model).size <= LARGEST_IN_WASM;
  const node = engines.find(({ name }) => name === 'onnxruntime-node');
  return fits ? (engines.find(({ name }) => name === 'onnxruntime-web') ?? node) : node;
}

async function firstSample(calibration: LocatedSamples | undefined, inputs: readonly ValueSignature[]): Promise<unknown> {
  if (calibration === undefined) return undefined;
  for await (const sample of openSamples(calibration, { limit: 1, inputs })) return sample;
  return undefined;
}
