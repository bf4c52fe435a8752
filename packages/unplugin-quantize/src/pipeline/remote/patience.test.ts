import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createPatience } from './patience.ts';

describe('patience', () => {
  it('lets a few through at a time, and everybody in the end', async () => {
    const patience = createPatience(1000, 3);
    let [running, most] = [0, 0];
    const results = await Promise.all(Array.from({ length: 10 }, (_, i) => patience.ask(async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
      return i;
    })));
    expect(results).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(3);
  });

  it('frees the place of those who fail', async () => {
    const patience = createPatience(1000, 1);
    await expect(patience.ask(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(patience.ask(async () => 'yes')).resolves.toBe('yes');
  });

  it('ends with a server that does not answer, and gives transfers longer', async () => {
    const patience = createPatience(20, 4);
    await expect(patience.ask(() => new Promise(() => {}))).rejects.toThrow('no answer within 20 ms');
    await expect(patience.ask(() => sleep(60).then(() => 'late'), 5_000_000)).resolves.toBe('late');
  });

  it('forgives a moment in which nothing is quick', async () => {
    let clock = 0;
    const patience = createPatience(400, 16, () => clock);
    let wake!: () => void;
    const stall = new Promise<void>((resolve) => (wake = resolve));
    const all = Promise.all(Array.from({ length: 16 }, () => patience.ask(() => stall)));
    await Promise.resolve();
    clock = 390;
    wake();
    await expect(all).resolves.toHaveLength(16);
  });

  it('ends with one that is always slow', async () => {
    let clock = 0;
    const patience = createPatience(400, 1, () => clock);
    const slowly = (): Promise<number> => patience.ask(async () => (clock += 110));
    for (let i = 0; i < 10; i++) await slowly();
    await patience.ask(async () => (clock += 90));
    for (let i = 0; i < 10; i++) await slowly();
    await expect(slowly()).rejects.toThrow('all answers of 1 s were slow');
  });
});
