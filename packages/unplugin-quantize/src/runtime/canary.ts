import type { Canary, CanaryOutput, CanaryTolerance, ModelVariant } from '../types.ts';
import type { Engine, EngineSession, RunResults } from './host.ts';
import type { Tensor } from './types.ts';
import type { Verdict } from './verdict.ts';

/** Runs that a backend is timed by, and the milliseconds after which no further one begins. */
const TIMED_RUNS = 5;
const TIMED_MILLISECONDS = 300;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

/** Runs the canary and compares; where it is right and a time is wanted, runs it some more. */
export async function judge(session: EngineSession, engine: Engine, canary: Canary, { tolerance = {} }: ModelVariant, timed: boolean): Promise<Verdict> {
  const feeds = canaryFeeds(canary, engine);
  const results = await session.run(feeds);
  const wrong = await findWrong(canary, tolerance, results);
  dispose(results);
  return wrong !== null || !timed ? { wrong } : { wrong, time: await timeOf(async () => dispose(await session.run(feeds))) };
}

/** Median of a few runs in milliseconds. */
async function timeOf(run: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  const start = performance.now();
  for (let before = start; times.length < TIMED_RUNS && before - start < TIMED_MILLISECONDS; ) {
    await run();
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

/** Outputs may lie in a GPU's memory. */
function dispose(results: Record<string, { dispose(): void }>): void {
  for (const tensor of Object.values(results)) tensor.dispose();
}

/** The canary's inputs in full. */
export function canaryFeeds(canary: Canary, { Tensor }: Pick<Engine, 'Tensor'>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(canary.inputs).map(([name, { dtype, dims, data }]) => {
      const constructor = ARRAYS[dtype as keyof typeof ARRAYS];
      const length = dims.reduce((product, dim) => product * dim, 1);
      const bytes = repeat(fromBase64(data), length * constructor.BYTES_PER_ELEMENT);
      return [name, new Tensor(dtype as never, new constructor(bytes.buffer) as never, dims)];
    }),
  );
}

/**
 * What is wrong with outputs on the canary, or null when every kept element is within absolute + relative * |reference|.
 * Outputs without a tolerance are not looked at.
 */
export async function findWrong(canary: Canary, tolerances: Record<string, CanaryTolerance>, results: RunResults): Promise<string | null> {
  for (const [name, tolerance] of Object.entries(tolerances)) {
    const expected = tolerance.expected ?? canary.outputs[name];
    if (expected === undefined) continue;
    const wrong = await findWrongElement(expected, tolerance, results[name]);
    if (wrong !== null) return `output "${name}" of the canary ${wrong}`;
  }
  return null;
}

async function findWrongElement({ dims, step, data }: CanaryOutput, { absolute, relative }: CanaryTolerance, found: Tensor | undefined): Promise<string | null> {
  if (found === undefined) return 'is missing';
  if (found.dims.join() !== dims.join()) return `has the shape [${found.dims}] in place of [${dims}]`;
  const values = await numbersOf(found);
  const reference = new Float32Array(fromBase64(data).buffer);
  for (const [i, right] of reference.entries()) {
    const value = values[i * step]!;
    const isRight = Object.is(value, right) || value === right || Math.abs(value - right) <= absolute + relative * Math.abs(right);
    if (!isRight) return `is ${value} in place of ${right} at element ${i * step}`;
  }
  return null;
}

/** A tensor's elements as float64. */
export async function numbersOf(tensor: Tensor): Promise<Float64Array> {
  const values = (await tensor.getData()) as ArrayLike<number | bigint>;
  const isHalf = tensor.type === 'float16' && values instanceof Uint16Array;
  return Float64Array.from(values, (value) => (isHalf ? fromHalf(Number(value)) : Number(value)));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function repeat(piece: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const full = new Uint8Array(length);
  full.set(piece.subarray(0, length));
  for (let filled = piece.byteLength; filled > 0 && filled < length; filled *= 2) full.copyWithin(filled, 0, filled);
  return full;
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const magnitude = exponent === 31 ? (fraction === 0 ? Infinity : Number.NaN) : exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits >> 15 === 0 ? magnitude : -magnitude;
}
