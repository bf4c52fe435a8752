import { describe, expect, it } from 'vitest';
import { models } from '../../../../../test/support/models.ts';
import type { Canary } from '../../types.ts';
import type { Engine } from '../engine.ts';
import { loadNodeEngine } from '../engine-node.ts';
import { loadWebEngine } from '../engine-web.ts';
import { canaryFeeds, everySo, makeCanary } from './make.ts';
import { canaryTolerance } from './tolerance.ts';
import { bytesOf, fewOf, repeated, roundFloats } from './values.ts';

async function canaryOf(engine: Engine, model: string, sample?: unknown): Promise<Canary> {
  const made = await makeCanary(engine, model, sample);
  if ('reason' in made) throw new Error(made.reason);
  return made.canary;
}

describe('values', () => {
  it('are rounded to 12 significant bits, half to even, infinities apart', () => {
    const exact = 1 + 2 ** -11;
    const values = [1, exact, 1 + 2 ** -12, 1 + 3 * 2 ** -12, -3.25, 0, Infinity, -0.1];
    expect([...roundFloats(Float32Array.from(values))]).toEqual([1, exact, 1, 1 + 2 ** -10, -3.25, 0, Infinity, -3277 * 2 ** -15]);
  });

  it('of integers are the first, those of floats come from everywhere', () => {
    const floats = { dtype: 'float32', dims: [8], data: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) };
    expect([...fewOf(floats, 4)]).toEqual([0, 2, 4, 6]);
    expect([...fewOf({ dtype: 'int64', dims: [3], data: BigInt64Array.of(7n, 8n, 9n) }, 2)]).toEqual([7n, 8n]);
    expect([...fewOf(floats, 9)]).toEqual([...floats.data]);
  });

  it('are repeated until the tensor is full', () => {
    expect(repeated('uint8', Uint8Array.of(1, 2, 3), [2, 4])).toEqual({ dtype: 'uint8', dims: [2, 4], data: Uint8Array.of(1, 2, 3, 1, 2, 3, 1, 2) });
    expect(repeated('int64', BigInt64Array.of(5n), [])).toEqual({ dtype: 'int64', dims: [], data: BigInt64Array.of(5n) });
  });
});

describe('a canary', () => {
  it('has what the source makes of its inputs', async () => {
    const engine = await loadWebEngine();
    const canary = await canaryOf(engine, models.ocrRecognition);
    const session = await engine.open(models.ocrRecognition);
    const [output] = Object.values(await session.run(canaryFeeds(canary.inputs)));
    await session.close();
    const { data, step, dims } = Object.values(canary.outputs)[0]!;
    expect(dims).toEqual(output!.dims);
    expect([...new Float32Array(bytesOf(data))]).toEqual([...roundFloats(Float32Array.from(everySo(output!, step)))]);
    expect(bytesOf(data).byteLength).toBeLessThanOrEqual(4 * 1024);
    // 6,625 classes, all of which have a turn.
    expect([step % 5, step % 53]).not.toContain(0);
  });

  it('takes the values of the sample', async () => {
    const sample = { input: Float32Array.from({ length: 512 }, (_, i) => Math.sin(i)), state: new Float32Array(256), sr: 16000n };
    const shaped = { input: { data: sample.input, dims: [1, 512] }, state: { data: sample.state, dims: [2, 1, 128] }, sr: { data: BigInt64Array.of(sample.sr), dims: [] } };
    const { inputs } = await canaryOf(await loadWebEngine(), models.silero, shaped);
    expect(new BigInt64Array(bytesOf(inputs['sr']!.data))[0]).toBe(16000n);
    const stored = new Float32Array(bytesOf(inputs['input']!.data));
    for (const value of stored) expect(sample.input.some((given) => Math.abs(given - value) <= Math.abs(given) * 2 ** -12)).toBe(true);
  });

  it('is the same in every run, and of both engines but for their last bits', async () => {
    const engine = await loadWebEngine();
    const [first, second] = [await canaryOf(engine, models.silero), await canaryOf(engine, models.silero)];
    expect(first).toEqual(second);
    const other = await canaryOf(await loadNodeEngine(), models.silero);
    expect(other.inputs).toEqual(first.inputs);
    for (const [name, { data }] of Object.entries(first.outputs)) {
      const [a, b] = [new Float32Array(bytesOf(data)), new Float32Array(bytesOf(other.outputs[name]!.data))];
      for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThanOrEqual(1e-5 + Math.abs(value) * 2 ** -11);
    }
  });

  it('allows what floats differ by between backends, and no wrong answer of Silero', async () => {
    const engine = await loadWebEngine();
    const canary = await canaryOf(engine, models.silero);
    const tolerance = await canaryTolerance({ engine, artefact: models.silero, format: 'none', canary });
    const [reference] = new Float32Array(bytesOf(canary.outputs['output']!.data));
    const { absolute, relative } = tolerance!['output']!;
    const allowed = absolute + relative * reference!;
    expect(allowed).toBeLessThan(0.05);
    // The last digit of a GPU's float32.
    expect(absolute).toBeGreaterThan(1e-4 * reference!);
  });

  it('is not there where the model runs on nothing', async () => {
    expect(await makeCanary(await loadWebEngine(), new Uint8Array([1, 2, 3]), undefined)).toEqual({ reason: expect.stringContaining('cannot load') });
  });
});
