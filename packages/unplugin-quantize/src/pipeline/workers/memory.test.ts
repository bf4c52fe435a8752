import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSize } from '../../byte-size.ts';
import { createMemoryGate, estimatePeak } from './memory.ts';

/** Runs tasks of these sizes, each for some turns, and gives what ran together at most and the order of the starts. */
async function runAll(limit: number, sizes: readonly number[]): Promise<{ most: number; alone: boolean; order: number[] }> {
  const gate = createMemoryGate(limit);
  const running = new Set<number>();
  const order: number[] = [];
  let [most, alone] = [0, true];
  await Promise.all(sizes.map((size, i) => gate.run(size, async () => {
    running.add(i);
    order.push(i);
    const together = [...running].reduce((sum, each) => sum + sizes[each]!, 0);
    if (running.size > 1) most = Math.max(most, together);
    if (size > limit && running.size > 1) alone = false;
    for (let turn = 0; turn < 1 + (i % 5); turn++) await Promise.resolve();
    running.delete(i);
  })));
  return { most, alone, order };
}

describe('a gate of memory', () => {
  it('keeps the sum of what runs below the limit, in the order of the calls, and lets everything run', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 100 }), fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 30 }), async (limit, sizes) => {
      const { most, alone, order } = await runAll(limit, sizes);
      expect(most).toBeLessThanOrEqual(limit);
      expect(alone).toBe(true);
      expect(order).toEqual(sizes.map((_, i) => i));
    }));
  });

  it('goes on after a failure, and lets all run at once without a limit', async () => {
    const gate = createMemoryGate(10);
    await expect(gate.run(10, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.run(10, async () => 'yes')).toBe('yes');
    expect((await runAll(Infinity, [1e12, 1e12])).most).toBe(2e12);
  });

  it('estimates more for more work', () => {
    expect(estimatePeak('runWeb', 1e8)).toBeGreaterThan(estimatePeak('run', 1e8));
    expect(estimatePeak('run', 1e8)).toBeGreaterThan(estimatePeak('quantize', 1e8));
  });
});

describe('a size', () => {
  it.each([[1000, 1000], ['1000', 1000], ['2GB', 2e9], ['2 gb', 2e9], ['1.5MB', 1.5e6], ['512MiB', 2 ** 29], ['1 TiB', 2 ** 40]])('%j is %d bytes', (given, bytes) => expect(byteSize(given, 'x')).toBe(bytes));
  it.each([0, -1, 1.5, NaN, '', 'much', '2 parsecs', '-1GB', '0', null, {}, '9e99GB'])('%j is none', (given) => {
    expect(() => byteSize(given, 'memoryLimit')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', option: 'memoryLimit' }));
  });
});
