import { array, assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MODEL_DEFAULTS, type ArtefactOptions } from '../options.ts';
import type { ModelReport, WeightDecision } from '../types.ts';
import { backOff, groupsOf } from './back-off.ts';

const weight = (tensor: string, bytesBefore: number, bytesAfter = bytesBefore / 4, scheme = 'int8-storage'): WeightDecision => ({ tensor, ops: ['Conv'], dims: [bytesBefore / 4], dtype: 'float32', scheme, bytesBefore, bytesAfter });

interface Made { report: ModelReport; half: number }
const options: ArtefactOptions = { ...MODEL_DEFAULTS, format: 'int8-storage', half: ['given*'] };
const report = (weights: WeightDecision[]): ModelReport => ({ name: 'm', requestedFormat: 'int8', format: 'int8-storage', source: { bytes: 400, sha256: '' }, artefact: { bytes: 100, sha256: '', ratio: 0.25, minOnnxruntime: '1.17.0' }, inputs: [], outputs: [], weights, notes: [], checks: [], accuracy: null, budget: [] });

/** A model whose errors add up: held where those of the weights that are still integers stay below the limit. */
function model(noises: Record<string, number>, limit: number, weights: WeightDecision[]) {
  const tried: string[][] = [];
  const isHalf = (half: ArtefactOptions['half'], name: string): boolean => half.some((pattern) => pattern instanceof RegExp && pattern.test(name));
  return {
    tried,
    plain: { report: report(weights), half: 0 },
    tools: {
      async attempt({ half }: ArtefactOptions): Promise<Made> {
        expect(half[0]).toBe('given*');
        tried.push(Object.keys(noises).filter((name) => isHalf(half, name)));
        return { report: report(weights), half: tried.at(-1)!.length };
      },
      sensitivity: async (_: ArtefactOptions, groups: string[][]): Promise<number[]> => groups.map((group) => group.reduce((sum, name) => sum + noises[name]!, 0)),
      isHeld: (): boolean => Object.entries(noises).reduce((sum, [name, noise]) => sum + (tried.at(-1)!.includes(name) ? 0 : noise), 0) <= limit,
    },
  };
}

describe('backOff', () => {
  it('keeps the weight with the most error for its bytes', async () => {
    const { tools, plain, tried } = model({ a: 1, b: 4, c: 4 }, 5, [weight('a', 4000), weight('b', 40000), weight('c', 4000)]);
    expect(await backOff(options, plain, tools)).toMatchObject({ kept: ['c'] });
    expect(tried).toEqual([['c']]);
  });

  it('finds the fewest weights that hold the budget', () => assert(asyncProperty(array(integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 }), integer({ min: 0, max: 5000 }), async (errors, limit) => {
    const noises = Object.fromEntries(errors.map((error, i) => [`w${i}`, error]));
    const { tools, plain, tried } = model(noises, limit, Object.keys(noises).map((name) => weight(name, 4000)));
    const found = await backOff(options, plain, tools);
    const sorted = errors.toSorted((a, b) => b - a);
    let fewest = 1;
    while (sorted.slice(fewest).reduce((sum, error) => sum + error, 0) > limit) fewest++;
    expect(found!.kept).toHaveLength(fewest);
    expect(found!.result.half).toBe(fewest);
    // 1, 2, 4... up to the first that holds, then halves of what lies between.
    expect(tried.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(fewest)) + 1);
  })));

  it('gives up when even all of them are not enough', async () => {
    const { tools, plain, tried } = model({ a: 1, b: 1, c: 1 }, -1, [weight('a', 4000), weight('b', 4000), weight('c', 4000)]);
    expect(await backOff(options, plain, tools)).toBeUndefined();
    expect(tried.map(({ length }) => length)).toEqual([1, 2, 3]);
  });

  it('gives up when what holds would be larger than what is there already', async () => {
    const { tools, plain, tried } = model({ a: 1, b: 1, c: 1, d: 1 }, 0, ['a', 'b', 'c', 'd'].map((name) => weight(name, 4000)));
    // 100 bytes, and 1000 for each weight.
    expect(await backOff(options, plain, { ...tools, useless: 3100 })).toBeUndefined();
    expect(tried.map(({ length }) => length)).toEqual([1, 2]);
  });

  it('names weights exactly', async () => {
    const { tools, plain, tried } = model({ 'a.*': 9, 'a.b': 1, '/then/(x)': 1 }, 2, [weight('a.*', 4000), weight('a.b', 4000), weight('/then/(x)', 4000)]);
    await backOff(options, plain, tools);
    expect(tried).toEqual([['a.*']]);
  });
});

describe('groupsOf', () => {
  it('leaves out what half precision would not make larger, and puts small weights together', () => {
    expect(groupsOf([weight('big', 8_000_000), weight('small', 800), weight('smaller', 400), weight('kept', 400, 400, 'kept'), weight('table', 4000, 2000, 'fp16-storage')])).toEqual([
      { names: ['big'], cost: 2_000_000 },
      { names: ['small', 'smaller'], cost: 300 },
    ]);
    expect(groupsOf([weight('kept', 400, 400, 'kept')])).toEqual([]);
  });
});
