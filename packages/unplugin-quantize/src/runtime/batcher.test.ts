import { array, assert, asyncProperty, constantFrom, integer, record } from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { makeNode } from '../graph/index.ts';
import { buildBytes, floats, ints, ramp, type ModelParts } from '../../../../test/support/build-model.ts';
import { namedLayout, type BatchLayout } from './batch-layout.ts';
import { createBatcher } from './batcher.ts';
import type { RunArguments, RunResults } from './host.ts';
import type { BatchOptions, InferenceSession, Tensor } from './types.ts';

/** y = gather(table, ids) * gain: rows of integers in, an error for indices that the table does not have. */
const LOOKUP: ModelParts = {
  nodes: [makeNode('Gather', ['table', 'ids'], ['rows']), makeNode('Mul', ['rows', 'gain'], ['y']), makeNode('ReduceMax', ['y'], ['largest'])],
  initializers: { table: ramp([10, 3]) },
  inputs: { ids: 'int64[N,L]', gain: 'float32[1]' },
  outputs: { y: 'float32[N,L,3]', largest: 'float32[1,1,1]' },
};

const ids = (...rows: number[][]): Tensor => new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]) as Tensor;
const gain = (value = 2): Tensor => new ort.Tensor('float32', Float32Array.of(value), [1]) as Tensor;
const expected = (rows: number[][], by = 2): number[] => rows.flat().flatMap((id) => [0, 1, 2].map((column) => (((id * 3 + column) % 33) / 4 - 4) * by));
const ONLY_Y = ['y'] as const;

/** A batcher in front of a real session whose runs are recorded by the rows they had. */
async function batcherOf(options: BatchOptions = {}, parts = LOOKUP) {
  const session = (await ort.InferenceSession.create(buildBytes(parts))) as InferenceSession;
  const layout: BatchLayout = namedLayout(session);
  const runs: number[] = [];
  const run = (args: RunArguments): Promise<RunResults> => {
    runs.push(args[0]['ids']?.dims[0] ?? Number.NaN);
    return (session.run as (...args: RunArguments) => Promise<RunResults>)(...args);
  };
  const batcher = createBatcher(run, layout, { maxSize: 4, maxDelay: 20, ...options } as Required<BatchOptions>);
  const ask = async (rows: number[][], by = 2): Promise<number[]> => [...((await batcher.run([{ ids: ids(...rows), gain: gain(by) }, ONLY_Y]))['y']!.data as Float32Array)];
  return { batcher, ask, runs };
}

describe('createBatcher', () => {
  it('runs calls of the same time as one, and gives each its rows', async () => {
    const { ask, runs } = await batcherOf();
    const rows = [[[1, 2]], [[3, 4]], [[5, 6], [7, 8]]];
    expect(await Promise.all(rows.map((each) => ask(each)))).toEqual(rows.map((each) => expected(each)));
    expect(runs).toEqual([4]);
  });

  it('gives results in memory of their own, as the engine’s own tensors', async () => {
    const { batcher } = await batcherOf();
    const [a, b] = await Promise.all([1, 2].map((id) => batcher.run([{ ids: ids([id]), gain: gain() }, ONLY_Y])));
    expect(a!['y']).toBeInstanceOf(ort.Tensor);
    const buffers = [a, b].map((results) => (results!['y']!.data as Float32Array).buffer);
    expect(buffers[0]).not.toBe(buffers[1]);
    expect(buffers.map(({ byteLength }) => byteLength)).toEqual([12, 12]);
  });

  it('leaves calls apart whose shapes, shared inputs or outputs differ', async () => {
    const { ask, batcher, runs } = await batcherOf();
    const all = batcher.run([{ ids: ids([1]), gain: gain() }]);
    const found = await Promise.all([ask([[1]]), ask([[2, 3]]), ask([[4]], 3), ask([[5]])]);
    expect(found).toEqual([expected([[1]]), expected([[2, 3]]), expected([[4]], 3), expected([[5]])]);
    // The maximum is one of all rows, so that who asks for it is alone.
    expect((await all)['largest']!.data).toEqual(Float32Array.of(Math.max(...expected([[1]]))));
    expect(runs.toSorted()).toEqual([1, 1, 1, 2]);
  });

  it('runs what is full at once, and what is larger by itself', async () => {
    const { ask, runs } = await batcherOf({ maxDelay: 2 ** 30 });
    const large = [[1], [2], [3], [4], [5]];
    expect(await ask(large)).toEqual(expected(large));
    const calls = Array.from({ length: 8 }, (_, i) => [[i]]);
    expect(await Promise.all(calls.map((rows) => ask(rows)))).toEqual(calls.map((rows) => expected(rows)));
    expect(runs).toEqual([5, 4, 4]);
  });

  it('fills a group while another is computed', async () => {
    const { ask, runs } = await batcherOf({ maxDelay: 0 });
    const first = ask([[1]]);
    await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([first, ...[2, 3, 4].map((id) => ask([[id]]))]);
    expect(runs.reduce((sum, rows) => sum + rows, 0)).toBe(4);
    expect(runs.length).toBeLessThanOrEqual(2);
  });

  it('gives an error to the call that causes it, and answers the others', async () => {
    const { ask, runs } = await batcherOf();
    const [a, wrong, c] = await Promise.allSettled([ask([[1]]), ask([[99]]), ask([[3]])]);
    expect([a, c]).toEqual([[[1]], [[3]]].map((rows) => ({ status: 'fulfilled', value: expected(rows) })));
    expect(wrong).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('indices element out of data bounds') } });
    expect(runs).toEqual([3, 1, 1, 1]);
  });

  it('has the engine refuse calls that are wrong in themselves', async () => {
    const { ask, batcher, runs } = await batcherOf();
    const good = ask([[1]]);
    await expect(batcher.run([{ ids: ids([1]) }, ONLY_Y])).rejects.toThrow('gain');
    const short = { type: 'int64', data: BigInt64Array.of(1n), dims: [3, 1], location: 'cpu' } as unknown as Tensor;
    await expect(batcher.run([{ ids: short, gain: gain() }, ONLY_Y])).rejects.toThrow('not enough space');
    expect(await good).toEqual(expected([[1]]));
    expect(runs).toHaveLength(3);
  });

  it('does not compute a call that is aborted while it waits', async () => {
    const { batcher, ask, runs } = await batcherOf();
    const controller = new AbortController();
    const reason = new Error('left');
    const call = (id: number) => batcher.run([{ ids: ids([id]), gain: gain() }, ONLY_Y, { signal: controller.signal }], controller.signal);
    const alone = call(9);
    controller.abort(reason);
    await expect(alone).rejects.toBe(reason);
    expect(runs).toEqual([]);
    const again = new AbortController();
    const left = batcher.run([{ ids: ids([1]), gain: gain() }, ONLY_Y], again.signal);
    const stays = ask([[2]]);
    again.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect(await stays).toEqual(expected([[2]]));
    expect(runs).toEqual([1]);
  });

  it('waits no more after a flush', async () => {
    const { batcher, ask, runs } = await batcherOf({ maxDelay: 2 ** 30 });
    const call = ask([[1]]);
    batcher.flush();
    expect(await call).toEqual(expected([[1]]));
    expect(await ask([[2]])).toEqual(expected([[2]]));
    expect(runs).toEqual([1, 1]);
  });

  it('gives everyone what a run of its own gives', async () => {
    const { ask } = await batcherOf({ maxDelay: 1, maxSize: 5 });
    const row = (length: number) => array(integer({ min: 0, max: 9 }), { minLength: length, maxLength: length });
    const call = record({ by: constantFrom(1, 2), rows: integer({ min: 1, max: 3 }).chain((length) => array(row(length), { minLength: 1, maxLength: 6 })) });
    await assert(
      asyncProperty(array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
        const found = await Promise.all(calls.map(({ rows, by }) => ask(rows, by)));
        expect(found).toEqual(calls.map(({ rows, by }) => expected(rows, by)));
      }),
      { numRuns: 40 },
    );
  });
});

describe('namedLayout', () => {
  const layoutOf = async (parts: Partial<ModelParts>) => namedLayout((await ort.InferenceSession.create(buildBytes({ ...LOOKUP, ...parts }))) as InferenceSession);

  it('tells batches by the names of dimensions', async () => {
    expect(await layoutOf({})).toEqual({ inputs: new Set(['ids']), shared: ['gain'], outputs: new Set(['y']), unsure: new Set(), outputNames: ['y', 'largest'] });
    expect(await layoutOf({ outputs: { y: 'float32[M,L,3]' } })).toMatchObject({ outputs: new Set(), unsure: new Set(['y']) });
  });

  it.each([
    [{ inputs: { ids: 'int64[1,L]', gain: 'float32[1]' }, outputs: { y: 'float32[1,L,3]' } }, /none of its inputs \(ids, gain\) has a free first dimension/],
    [{ inputs: { ids: 'int64[N,L]', gain: 'float32[M]' } }, /different ones: N, M/],
    [{ nodes: [...LOOKUP.nodes!, makeNode('Add', ['state', 'c'], ['z'])], initializers: { ...LOOKUP.initializers, c: floats([1], [1]) }, inputs: { ...LOOKUP.inputs, state: 'float32[2,N]' }, outputs: { ...LOOKUP.outputs, z: 'float32[2,N]' } }, /"N" is not the first dimension of its input "state"/],
    [{ nodes: [makeNode('Gather', ['table', 'one'], ['y'])], initializers: { ...LOOKUP.initializers, one: ints([1], [1]) }, inputs: {}, outputs: { y: 'float32[1,3]' } }, /free first dimension/],
  ] as [Partial<ModelParts>, RegExp][])('refuses %#', async (parts, why) => {
    await expect(layoutOf(parts)).rejects.toMatchObject({ code: 'NOT_BATCHABLE', message: expect.stringMatching(why) });
  });
});
