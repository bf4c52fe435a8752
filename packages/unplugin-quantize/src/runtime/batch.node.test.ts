import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildBytes, ramp, type ModelParts } from '../../../../test/support/build-model.ts';
import { makeCanary, quantizedModel, tolerances, variantOf } from '../../../../test/support/canary.ts';
import { models } from '../../../../test/support/models.ts';
import { makeNode } from '../graph/index.ts';
import type { QuantizedModel } from '../types.ts';
import { createSession } from './index.node.ts';
import type { CreateSessionOptions, QuantizeSession, Tensor } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'runtime-batch-'));
/** Products in float32 that are added in another order: 2000 at most in a sum, layer by layer. */
const TOLERANCE = { absolute: 1e-4, relative: 1e-4 };

beforeAll(() => vi.stubEnv('UNPLUGIN_QUANTIZE_CACHE', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function modelOf(file: string, feeds: Record<string, ort.Tensor>): Promise<QuantizedModel> {
  const canary = await makeCanary(file, feeds);
  return quantizedModel('m', [variantOf(file, file, { target: 'node', tolerance: tolerances(canary, TOLERANCE) })], canary);
}

function built(name: string, parts: ModelParts): string {
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, buildBytes(parts));
  return file;
}

const floatsOf = (dims: number[], start = 0): ort.Tensor => new ort.Tensor('float32', Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(start + i)), dims);

/** Rows that the engine was given, run by run. */
function recordRuns(input: string): number[] {
  const rows: number[] = [];
  const { prototype } = ort.InferenceSession as unknown as { prototype: ort.InferenceSession };
  const { run } = prototype;
  vi.spyOn(prototype, 'run').mockImplementation(function (this: ort.InferenceSession, ...args: Parameters<typeof run>) {
    rows.push((args[0][input] as ort.Tensor).dims[0]!);
    return run.apply(this, args);
  } as typeof run);
  return rows;
}

const open = (model: QuantizedModel | string, options: CreateSessionOptions = {}): Promise<QuantizeSession> => createSession(model, { backends: ['cpu'], onWarning: expect.unreachable, batch: {}, ...options }) as Promise<QuantizeSession>;

const perceptron = join(import.meta.dirname, '../../../../test/reference/quantize/mlp.onnx');
const scaled = (): string => built('scaled', { nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: ramp([4, 8]) }, inputs: { x: 'float32[N,4]' }, outputs: { y: 'float32[N,8]' } });

describe('createSession with batch', () => {
  it('answers many calls in few runs as it answers one, where names tell the batch', async () => {
    const session = await open(perceptron, { batch: { maxSize: 8, maxDelay: 50 } });
    const rows = recordRuns('x');
    const found = await Promise.all(Array.from({ length: 20 }, (_, i) => session.run({ x: floatsOf([1, 32], i) as Tensor })));
    expect(rows).toEqual([8, 8, 4]);
    vi.restoreAllMocks();
    const plain = await ort.InferenceSession.create(perceptron);
    for (const [i, { y }] of found.entries()) {
      const right = (await plain.run({ x: floatsOf([1, 32], i) }))['y']!;
      expect(y!.dims).toEqual(right.dims);
      // 32 products of size 1 a sum, in an order of the kernel's own for so many rows, two layers.
      for (const [j, value] of (right.data as Float32Array).entries()) expect(Math.abs((y!.data as Float32Array)[j]! - value)).toBeLessThanOrEqual(2 * 32 * 32 * 2 ** -24);
    }
    await session.dispose();
  });

  it('learns from the canary what names do not tell', async () => {
    const feeds = (start: number) => ({ x: floatsOf([1, 3, 48, 96], start) });
    const model = await modelOf(models.ocrDirection, feeds(0));
    const session = await open(model, { batch: { maxDelay: 50 } });
    const rows = recordRuns('x');
    const answers = await Promise.all([1, 2, 3].map((start) => session.run(feeds(start) as Record<string, Tensor>)));
    expect(rows).toEqual([3]);
    vi.restoreAllMocks();
    for (const results of answers) {
      const { dims, data } = Object.values(results)[0]!;
      expect(dims).toEqual([1, 2]);
      expect((data as Float32Array)[0]! + (data as Float32Array)[1]!).toBeCloseTo(1, 5);
    }
    await expect(open(models.ocrDirection)).rejects.toMatchObject({ code: 'NOT_BATCHABLE', message: expect.stringContaining('no output is known to have a row') });
  });

  it('refuses models whose rows are not independent, and those that take one row', async () => {
    const centred = built('centred', { nodes: [makeNode('ReduceMean', ['x'], ['m'], { axes: [0] }), makeNode('Sub', ['x', 'm'], ['y'])], inputs: { x: 'float32[N,4]' }, outputs: { y: 'float32[N,4]' } });
    await expect(open(await modelOf(centred, { x: floatsOf([2, 4]) }))).rejects.toMatchObject({ code: 'NOT_BATCHABLE' });
    const vad = { input: floatsOf([1, 512]), state: floatsOf([2, 1, 128]), sr: new ort.Tensor('int64', BigInt64Array.of(16000n), []) };
    await expect(open(await modelOf(models.silero, vad))).rejects.toMatchObject({ code: 'NOT_BATCHABLE', message: expect.stringContaining('it refuses two inputs at once'), hint: expect.any(String) });
  });

  it('says which outputs keep calls apart', async () => {
    const file = built('two', { nodes: [makeNode('Neg', ['x'], ['y']), makeNode('ReduceSum', ['x'], ['sum'])], inputs: { x: 'float32[N,4]' }, outputs: { y: 'float32[N,4]', sum: 'float32[1,1]' } });
    const warnings: string[] = [];
    const session = await open(file, { batch: { maxDelay: 50 }, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringMatching(/outputs sum are run one by one/)]);
    const rows = recordRuns('x');
    await Promise.all([session.run({ x: floatsOf([1, 4]) as Tensor }), session.run({ x: floatsOf([1, 4]) as Tensor })]);
    await Promise.all([session.run({ x: floatsOf([1, 4]) as Tensor }, ['y']), session.run({ x: floatsOf([1, 4]) as Tensor }, ['y'])]);
    expect(rows).toEqual([1, 1, 2]);
    vi.restoreAllMocks();
  });

  it.each([[{ maxSize: 1 }, 'batch.maxSize'], [{ maxDelay: -1 }, 'batch.maxDelay'], [{ size: 3 }, 'no option "size"']] as const)('refuses %j', async (batch, words) => {
    await expect(open(scaled(), { batch: batch as object })).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining(words) });
  });

  it('answers what waits when it is disposed', async () => {
    const session = await open(scaled(), { batch: { maxDelay: 2 ** 30 } });
    const calls = [1, 2].map((start) => session.run({ x: floatsOf([1, 4], start) as Tensor }));
    await session.dispose();
    for (const { y } of await Promise.all(calls)) expect(y!.dims).toEqual([1, 8]);
    await expect(session.run({ x: floatsOf([1, 4]) as Tensor })).rejects.toMatchObject({ code: 'SESSION_RELEASED' });
  });
});

describe('the queue of a session', () => {
  it.each([{}, { batch: { maxDelay: 1 } }])('refuses calls beyond maxQueue and takes new ones later (%j)', async (options) => {
    const session = await open(scaled(), { batch: undefined, maxQueue: 3, ...options });
    const call = (): Promise<unknown> => session.run({ x: floatsOf([1, 4]) as Tensor });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, call));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(outcomes[4]).toMatchObject({ reason: { code: 'QUEUE_FULL', message: expect.stringContaining('3 calls') } });
    await expect(call()).resolves.toBeDefined();
    await expect(open(scaled(), { maxQueue: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  it.each([{}, { batch: { maxDelay: 20 } }])('rejects a call with the reason of its signal (%j)', async (options) => {
    const session = await open(scaled(), { batch: undefined, ...options });
    const controller = new AbortController();
    const [left, stays] = [session.run({ x: floatsOf([1, 4]) as Tensor }, { signal: controller.signal }), session.run({ x: floatsOf([1, 4]) as Tensor }, ['y'], { signal: new AbortController().signal })];
    const reason = new Error('left');
    controller.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect((await stays)['y']!.dims).toEqual([1, 8]);
    await expect(session.run({ x: floatsOf([1, 4]) as Tensor }, { signal: controller.signal })).rejects.toBe(reason);
    await session.dispose();
  });
});
