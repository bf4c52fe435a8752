import { QuantizeError } from '../../errors.ts';
import type { Canary, CanaryOutput, CanaryTolerance, Format } from '../../types.ts';
import type { Engine, ModelFile, SessionOptions } from '../engine.ts';
import { canaryFeeds, everySo } from './make.ts';
import { bytesOf, roundFloats, toBase64 } from './values.ts';

/**
 * The part of an output's largest value that backends may differ by. Float32 on a GPU differs by 1e-5 from a CPU's, other orders of sums and faster
 * exponentials included. Half precision has 11 bits and loses about one of them for each few layers: 0.023 and 0.076 were measured where values reach 2
 * and 12; some kernels for packed weights compute in it. An activation's integer has 8 bits, and one that is rounded the other way goes on through the layers.
 */
const FLOOR: Record<'float' | 'packed' | 'half' | 'integer', number> = { float: 1e-3, packed: 2e-2, half: 2e-2, integer: 2e-2 };

const ARITHMETIC: Record<Format, keyof typeof FLOOR> = {
  'int8': 'integer',
  'int8-dynamic': 'integer',
  'int8-static': 'integer',
  'int8-storage': 'float',
  'int8-weight': 'packed',
  'int4': 'packed',
  'int4-storage': 'float',
  'int4-fp16': 'half',
  'fp16': 'half',
  'fp16-storage': 'float',
  'none': 'float',
};

/** Relative to the reference itself, for values that stand out. */
const RELATIVE = 1e-2;
/** For outputs that are zero throughout. */
const SMALLEST = 1e-9;
/** Values that stand for infinity, as masks have them, are no scale for others. */
const LARGEST = 1e30;

export interface ToleranceTask {
  engine: Engine;
  artefact: ModelFile;
  sessionOptions?: SessionOptions | undefined;
  format: Format;
  canary: Canary;
}

/**
 * What each output of an artefact has to be on any backend, and how far it may be from that.
 *
 * Where arithmetic is in floats, the reference is what the artefact itself gives here: whatever quantizing costs, backends agree.
 *
 *     absolute = floor · (largest |reference|),   relative = 0.01
 *
 * Integer kernels of processors round activations differently, and some saturate; there the source's output is the reference, and twice the artefact's own
 * error is allowed on top. Outputs whose shape is not the reference's are left out. A broken kernel is far outside: Silero answers 0.80 in place of 0.02 on
 * WebGPU in one release, with 0.002 allowed.
 *
 * @returns undefined where the engine does not run the artefact on the canary
 */
export async function canaryTolerance({ engine, artefact, sessionOptions, format, canary }: ToleranceTask): Promise<Record<string, CanaryTolerance> | undefined> {
  try {
    const session = await engine.open(artefact, sessionOptions);
    try {
      const results = await session.run(canaryFeeds(canary.inputs));
      const known = Object.entries(canary.outputs).filter(([name, { dims }]) => results[name]?.dims.join() === dims.join());
      return Object.fromEntries(known.map(([name, output]) => [name, toleranceOf(output, everySo(results[name]!, output.step), format)]));
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'ENGINE_REJECTED') return undefined;
    throw error;
  }
}

function toleranceOf(output: CanaryOutput, found: readonly number[], format: Format): CanaryTolerance {
  const arithmetic = ARITHMETIC[format];
  const source = new Float32Array(bytesOf(output.data));
  if (arithmetic === 'integer') return allowance(source, found, FLOOR.integer);
  const own = roundFloats(Float32Array.from(found));
  const data = toBase64(own);
  return { ...allowance(own, own, FLOOR[arithmetic]), ...(data !== output.data && { expected: { ...output, data } }) };
}

function allowance(reference: Float32Array, found: ArrayLike<number>, floor: number): CanaryTolerance {
  let [error, largest] = [0, 0];
  for (const [i, right] of reference.entries()) {
    const size = Math.abs(right);
    if (!(size < LARGEST)) continue;
    largest = Math.max(largest, size);
    error = Math.max(error, Math.abs(found[i]! - right) || 0);
  }
  return { absolute: roundUp(2 * error + floor * largest + SMALLEST), relative: RELATIVE };
}

/** Three digits are enough, and the last bits of an engine do not show in them. */
function roundUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 2);
  return Number((Math.ceil(value / unit) * unit).toPrecision(3));
}
