import { describe, expect, it } from 'vitest';
import { createShare } from './share.ts';

describe('createShare', () => {
  it('runs once for callers at the same time, and again afterwards', async () => {
    const share = createShare();
    let runs = 0;
    const task = async (): Promise<number> => ++runs;
    expect(await Promise.all([share('a', task), share('a', task), share('b', task)])).toEqual([1, 1, 2]);
    expect(await share('a', task)).toBe(3);
  });

  it('gives a failure to all callers and keeps none', async () => {
    const share = createShare();
    let isBroken = true;
    const task = async (): Promise<string> => {
      if (isBroken) throw new Error('broken');
      return 'fine';
    };
    const both = await Promise.allSettled([share('a', task), share('a', task)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isBroken = false;
    expect(await share('a', task)).toBe('fine');
  });
});
