import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feeds } from '../../calibrate/index.ts';
import type { Engine, ModelFile, SessionOptions } from '../engine.ts';

/** A node as onnxruntime ran it, fusions done; absent inputs and those that a kernel took away are not among the inputs. */
export interface ProfiledNode {
  op: string;
  inputs: ProfiledValue[];
  outputs: ProfiledValue[];
  /** Bytes of constants, of other inputs, of outputs. */
  weightBytes: number;
  inputBytes: number;
  outputBytes: number;
}

export interface ProfiledValue {
  /** As onnxruntime calls it: `float`, `int8`, `uint8`... */
  dtype: string;
  dims: number[];
}

/** An event of the profile; figures are text. */
interface ProfileEvent {
  cat?: string;
  args?: { op_name?: string; input_type_shape?: Record<string, number[]>[]; output_type_shape?: Record<string, number[]>[]; parameter_size?: string; activation_size?: string; output_size?: string };
}

/**
 * Fusions of integer kernels are made at this level; the one above changes only how convolutions lay out their weights, which hides their shapes.
 * Weights that kernels pack for themselves would be gone from the profile.
 */
const SETTINGS = { enableProfiling: true, graphOptimizationLevel: 'extended', extra: { session: { disable_prepacking: '1' } } };

/**
 * What one run of a model consists of, told by onnxruntime-node's own profile.
 *
 * @throws QuantizeError ENGINE_REJECTED where the model does not run
 */
export async function profileModel(engine: Engine, model: ModelFile, feeds: Feeds, sessionOptions: SessionOptions = {}): Promise<ProfiledNode[]> {
  const folder = await mkdtemp(join(tmpdir(), 'unplugin-quantize-'));
  try {
    const session = await engine.open(model, withProfile(sessionOptions, join(folder, 'profile')));
    try {
      await session.run(feeds);
    } finally {
      // The file is complete when the session is gone.
      await session.close();
    }
    const [file = ''] = await readdir(folder);
    return nodesOf(JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withProfile(options: SessionOptions, profileFilePrefix: string): SessionOptions {
  const { session: given, ...extra } = (options['extra'] ?? {}) as { session?: Record<string, unknown> };
  return { ...options, ...SETTINGS, extra: { ...extra, session: { ...given, ...SETTINGS.extra.session } }, profileFilePrefix };
}

function nodesOf(events: readonly ProfileEvent[]): ProfiledNode[] {
  return events.flatMap(({ cat, args }) => {
    if (cat !== 'Node' || args?.op_name === undefined) return [];
    const { op_name: op, input_type_shape: inputs, output_type_shape: outputs, parameter_size: weights, activation_size: read, output_size: written } = args;
    return [{ op, inputs: valuesOf(inputs), outputs: valuesOf(outputs), weightBytes: Number(weights ?? 0), inputBytes: Number(read ?? 0), outputBytes: Number(written ?? 0) }];
  });
}

function valuesOf(shapes: readonly Record<string, number[]>[] = []): ProfiledValue[] {
  return shapes.flatMap((shape) => Object.entries(shape).map(([dtype, dims]) => ({ dtype, dims })));
}
