import { ARRAY_OF, checkFeeds, isFedType, sizeOf, syntheticCandidates, toArray, type FedType, type Feeds, type SampleTensor } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import type { Canary, CanaryInput, CanaryOutput } from '../../types.ts';
import type { Engine, ModelFile, RunModel } from '../engine.ts';
import { numbersOf } from '../numbers.ts';
import { bytesOf, fewOf, repeated, roundFloats, toBase64 } from './values.ts';

/** Elements that are stored of an input, and of all outputs together: about 4 kB of a compressed module. */
const INPUT_ELEMENTS = 1024;
const OUTPUT_ELEMENTS = 1024;

/**
 * A small input and what the source model makes of it. Values are those of the sample, or generated (`syntheticCandidates`): the free sizes are the
 * smallest that the model runs on with them. References are rounded to 12 significant bits.
 *
 * onnxruntime-web computes the same bits on every machine, and so two builds give the same canary; onnxruntime-node, which takes its place for
 * models that are too large for WebAssembly, does not quite: a reference near the middle of two rounded values may go either way.
 *
 * @param sample what the samples' first one is; checked against the model's inputs
 * @param compared whole numbers that decide branches, by the input's name: generated inputs have them
 * @returns the reason where there is no canary
 * @throws QuantizeError SAMPLES_INVALID for a sample that does not fit
 */
export async function makeCanary(engine: Engine, source: ModelFile, sample: unknown, compared: ReadonlyMap<string, number> = new Map()): Promise<{ canary: Canary } | { reason: string }> {
  const session = await openSource(engine, source);
  if ('reason' in session) return session;
  try {
    let reason = 'no input could be generated';
    for (const inputs of candidates(session.inputs, sample, compared)) {
      const outputs = await runOn(session, inputs);
      if ('reason' in outputs) reason = outputs.reason;
      else return { canary: { inputs, outputs: outputs.outputs } };
    }
    return { reason };
  } finally {
    await session.close();
  }
}

async function openSource(engine: Engine, source: ModelFile): Promise<RunModel | { reason: string }> {
  try {
    return await engine.open(source);
  } catch (error) {
    return { reason: complaint(error) };
  }
}

/** First the sample in small sizes, then in its own, then generated values. */
function* candidates(signatures: RunModel['inputs'], sample: unknown, compared: ReadonlyMap<string, number>): Generator<Record<string, CanaryInput>> {
  if (signatures.some(({ dtype }) => !isFedType(dtype))) return;
  const own = sample === undefined ? undefined : checkFeeds(sample, signatures, 0);
  if (own !== undefined) {
    for (const generated of syntheticCandidates(signatures)) yield stored(own, generated);
    yield stored(own, own);
  }
  for (const generated of syntheticCandidates(signatures)) {
    const feeds = withCompared(generated, compared);
    yield stored(feeds, feeds);
  }
}

function withCompared(feeds: Feeds, compared: ReadonlyMap<string, number>): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => {
    const number = compared.get(name);
    return [name, number === undefined || sizeOf(tensor.dims) !== 1 ? tensor : { ...tensor, data: toArray(tensor.dtype as FedType, [number]) }];
  }));
}

/** The values of one and the shapes of the other. */
function stored(values: Feeds, shapes: Feeds): Record<string, CanaryInput> {
  return Object.fromEntries(Object.entries(values).map(([name, tensor]) => {
    const { dims } = shapes[name]!;
    return [name, { dtype: tensor.dtype, dims, data: toBase64(fewOf(tensor, Math.min(INPUT_ELEMENTS, sizeOf(dims)))) }];
  }));
}

async function runOn(session: RunModel, inputs: Record<string, CanaryInput>): Promise<{ outputs: Record<string, CanaryOutput> } | { reason: string }> {
  try {
    const outputs = referencesOf(await session.run(canaryFeeds(inputs)));
    return Object.keys(outputs).length > 0 ? { outputs } : { reason: 'no output is a tensor of floats with elements' };
  } catch (error) {
    return { reason: complaint(error) };
  }
}

/** Outputs of floats: an index or a class may change with the last bit of what it was chosen by. */
function referencesOf(results: Record<string, SampleTensor>): Record<string, CanaryOutput> {
  const floats = Object.entries(results).filter(([, { dtype, dims }]) => dtype.startsWith('float') && sizeOf(dims) > 0);
  return Object.fromEntries(floats.map(([name, tensor]) => {
    const step = stepOf(tensor.dims, OUTPUT_ELEMENTS / floats.length);
    return [name, { dims: tensor.dims, step, data: toBase64(roundFloats(Float32Array.from(everySo(tensor, step)))) }];
  }));
}

/** Large enough to keep at most `limit` elements, and without a divisor in common with the last axis, so that all its elements have a turn. */
function stepOf(dims: readonly number[], limit: number): number {
  let step = Math.max(1, Math.ceil(sizeOf(dims) / limit));
  while (divisor(step, dims.at(-1) ?? 1) > 1) step++;
  return step;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** The kept elements of an output. */
export function everySo(tensor: SampleTensor, step: number): number[] {
  const values = numbersOf(tensor)!;
  return Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step]!);
}

/** The inputs of a canary in full. */
export function canaryFeeds(inputs: Canary['inputs']): Feeds {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, fullTensor(input)]));
}

function fullTensor({ dtype, dims, data }: CanaryInput): SampleTensor {
  return repeated(dtype, new ARRAY_OF[dtype as FedType](bytesOf(data)), dims);
}

function complaint(error: unknown): string {
  if (error instanceof QuantizeError && error.code === 'ENGINE_REJECTED') return error.what;
  throw error;
}
