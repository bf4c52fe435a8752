import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCache, type Cache } from './cache.ts';
import { sha256Text } from './hash.ts';

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'cache-size-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (maxBytes?: number): Cache => createCache(root, () => undefined, undefined, maxBytes);
const keys = (): string[] => readdirSync(join(root, 'deliveries')).sort();

async function store(cache: Cache, key: string): Promise<void> {
  const text = key.repeat(10_000);
  await cache.deliveries.store(key, async (path) => {
    writeFileSync(path, text);
    return { bytes: text.length, sha256: sha256Text(text) };
  });
}

/** Dates an entry back by as many minutes. */
function age(key: string, minutes: number): void {
  const at = new Date(Date.now() - minutes * 60_000);
  for (const path of [`deliveries/${key}/entry.json`, `deliveries/${key}`]) utimesSync(join(root, path), at, at);
}

describe('a cache with a limit', () => {
  it('loses what was not used for the longest time, and nothing that was used now', async () => {
    const first = open();
    for (const key of ['a', 'b', 'c', 'd']) await store(first, key);
    await first.close();
    ['a', 'b', 'c', 'd'].forEach((key, i) => age(key, 100 - i));
    const second = open(35_000);
    // The oldest one is used again.
    expect(await second.deliveries.find('a')).toBeDefined();
    await store(second, 'e');
    await second.close();
    expect(keys()).toEqual(['a', 'd', 'e']);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
    const third = open(35_000);
    expect(await third.deliveries.find('a')).toMatchObject({ bytes: 10_000 });
    expect(await third.deliveries.find('b')).toBeUndefined();
    await third.close();
  });

  it('keeps what it used itself, even where that is more', async () => {
    const cache = open(1);
    for (const key of ['a', 'b']) await store(cache, key);
    await cache.close();
    expect(keys()).toEqual(['a', 'b']);
  });

  it('is left alone where nothing was added, and where there is no limit', async () => {
    for (const [limit, added] of [[undefined, true], [1, false]] as const) {
      const cache = open();
      await store(cache, 'old');
      await cache.close();
      age('old', 10);
      const later = open(limit);
      if (added) await store(later, 'new');
      await later.close();
      expect(keys()).toContain('old');
    }
  });

  it('says when a result was used', async () => {
    const cache = open();
    await store(cache, 'a');
    await cache.close();
    age('a', 60);
    const later = open(1e9);
    await later.deliveries.find('a');
    await sleep(50);
    await store(later, 'b');
    await later.close();
    const last = open(12_000);
    age('b', 30);
    await store(last, 'c');
    await last.close();
    expect(keys()).toEqual(['c']);
  });
});
