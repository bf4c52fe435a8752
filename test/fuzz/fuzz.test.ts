import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FORMATS, MODEL_DEFAULTS } from '../../packages/unplugin-quantize/src/options.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { checkMutant } from './check.ts';
import { fuzz } from './harness.ts';
import { minimise } from './minimise.ts';
import { makeMutant } from './mutant.ts';
import { LARGE } from './run.ts';
import { SEEDS } from './seeds.ts';

const CASES = 10_000;
const SEED = 20_260_101;
const formats = Object.keys(FORMATS) as Format[];
const fixtures = join(import.meta.dirname, 'fixtures');

describe('damaged models', () => {
  it.each(Object.entries(SEEDS))('the undamaged model "%s" can be stored in every format', (_, build) => {
    const endings = formats.map((format) => checkMutant({ bytes: build(), options: { ...MODEL_DEFAULTS, format } }));
    expect(endings).toEqual(formats.map(() => ({ outcome: 'quantized' })));
  });

  it.each(readdirSync(fixtures))('%s, which once failed, does not', (file) => {
    const bytes = new Uint8Array(readFileSync(join(fixtures, file)));
    const failures = formats.map((format) => checkMutant({ bytes, options: { ...MODEL_DEFAULTS, format } })).filter(({ outcome }) => outcome === 'failed');
    expect(failures).toEqual([]);
  });

  it(`${CASES} mutants are quantized or refused, each in bounded time and memory`, { timeout: 300_000 }, async () => {
    const { failures, endings } = await fuzz({ cases: CASES, seed: SEED, models: LARGE });
    console.log(`${CASES} mutants:`, endings);
    expect(failures).toEqual([]);
    expect(Object.values(endings).reduce((sum, count) => sum + count, 0)).toBe(CASES);
    // Damage that only ever makes files unreadable would test the parser alone.
    expect(endings['quantized']).toBeGreaterThan(CASES / 10);
  });

  it('a mutant is the same each time', () => {
    const models = Object.values(SEEDS).map((build) => build());
    for (let index = 0; index < 50; index++) {
      const [first, second] = [makeMutant(SEED, index, models, 0), makeMutant(SEED, index, models, 0)];
      expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
      expect(second.options).toEqual(first.options);
    }
  });

  it('a failing model is made as small as it can be', () => {
    const products = SEEDS['products']!();
    const reads = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes('Softmax') && Buffer.from(bytes).includes('Relu');
    const small = minimise(products, reads);
    expect(reads(small)).toBe(true);
    expect(small.length).toBeLessThan(100);
  });
});
