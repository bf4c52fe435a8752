import { describe, expect, it } from 'vitest';
import { itemsAhead } from './read-ahead.ts';

describe('items that are read ahead', () => {
  const log: string[] = [];
  async function* source(fails = false): AsyncGenerator<number, void, undefined> {
    log.length = 0;
    try {
      for (let i = 0; i < 3; i++) {
        log.push(`make ${i}`);
        if (fails && i === 1) throw new Error('no 1');
        yield i;
      }
    } finally {
      log.push('end');
    }
  }

  it('are made when they are asked for, or prepared', async () => {
    const items = itemsAhead(source());
    expect(await items.next()).toEqual({ item: 0 });
    expect(log).toEqual(['make 0']);
    items.prepare();
    items.prepare();
    expect(log).toEqual(['make 0', 'make 1']);
    expect(await items.next()).toEqual({ item: 1 });
    expect(await items.next()).toEqual({ item: 2 });
    items.prepare();
    expect(await items.next()).toBeUndefined();
    expect(await items.next()).toBeUndefined();
    await items.end();
    expect(log).toEqual(['make 0', 'make 1', 'make 2', 'end']);
  });

  it('tell of a failure when the item is wanted, and of none that nobody wants', async () => {
    const items = itemsAhead(source(true));
    await items.next();
    items.prepare();
    await new Promise(setImmediate);
    await expect(items.next()).rejects.toThrow('no 1');
    const others = itemsAhead(source(true));
    await others.next();
    others.prepare();
    await others.end();
    expect(log).toEqual(['make 0', 'make 1', 'end']);
  });

  it('end their source early', async () => {
    const items = itemsAhead(source());
    await items.next();
    await items.end();
    expect(log).toEqual(['make 0', 'end']);
  });

  it('may come from a list, or be promises', async () => {
    const items = itemsAhead([Promise.resolve(5), Promise.resolve(6)]);
    items.prepare();
    expect([await items.next(), await items.next(), await items.next()]).toEqual([{ item: 5 }, { item: 6 }, undefined]);
  });
});
