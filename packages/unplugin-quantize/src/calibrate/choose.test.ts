import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseItems } from './choose.ts';

const source = (count: number, batch = 1, isBatchFixed = false): Parameters<typeof chooseItems>[0] => ({
  items: Array.from({ length: count }, (_, i) => ({ name: String(i), file: { path: '', name: '' } })),
  batch,
  isBatchFixed,
});

describe('chooseItems', () => {
  it('takes all in order where the limit allows', () => {
    expect(chooseItems(source(5, 2), Infinity, 0)).toEqual([[0, 1], [2, 3], [4]]);
    expect(chooseItems(source(5, 2), 3, 7)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('leaves out a rest that a fixed batch has no use for', () => {
    expect(chooseItems(source(5, 2, true), Infinity, 0)).toEqual([[0, 1], [2, 3]]);
    expect(() => chooseItems(source(3, 4, true), 9, 0)).toThrowError(/takes 4 at once, but there are only 3/);
    expect(() => chooseItems(source(0), 9, 0)).toThrowError(/empty/);
  });

  it('takes the same for a seed on every machine', () => {
    expect(chooseItems(source(1000), 5, 0).flat()).toEqual(chooseItems(source(1000), 5, 0).flat());
    expect(chooseItems(source(1000), 5, 0).flat()).not.toEqual(chooseItems(source(1000), 5, 1).flat());
    expect(chooseItems(source(1000), 5, 0).flat()).toMatchInlineSnapshot(`
      [
        1,
        148,
        224,
        266,
        469,
      ]
    `);
  });

  it('gives a lower limit some of what a higher one gets, sorted, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), fc.nat(), (count, a, b, seed) => {
        const [few, many] = [Math.min(a, b), Math.max(a, b)].map((limit) => chooseItems(source(count), limit, seed).flat());
        expect(many).toEqual([...new Set(many)].sort((x, y) => x - y));
        expect(many).toHaveLength(Math.min(count, Math.max(a, b)));
        expect(many).toEqual(expect.arrayContaining(few!));
      }),
    );
  });

  it('takes every item about as often', () => {
    const hits = new Uint32Array(10);
    for (let seed = 0; seed < 5000; seed++) for (const i of chooseItems(source(10), 3, seed).flat()) hits[i]!++;
    // Binomial with n = 5000, p = 0.3: mean 1500, deviation 32.4; 6 deviations are left.
    for (const count of hits) expect(Math.abs(count - 1500)).toBeLessThan(6 * 32.4);
  });
});
