import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Text } from './hash.ts';
import { createLocks, removeDeadLocks } from './locks.ts';

const TIMES = { poll: 5, beat: 20, stale: 300, patience: 5_000 };
let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'locks-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lockPath = (): string => join(root, 'locks', sha256Text('key').slice(0, 32));
const locks = () => createLocks(async () => root, TIMES);

/** A lock that another one left. */
function leave(pid: number, host = hostname()): void {
  mkdirSync(join(root, 'locks'), { recursive: true });
  writeFileSync(lockPath(), JSON.stringify({ id: 'other', pid, host }));
}

describe('locks', () => {
  it('have work done once, whoever asks', async () => {
    let [result, made] = [undefined as string | undefined, 0];
    const make = async (): Promise<string> => {
      made++;
      await sleep(50);
      return (result = 'made');
    };
    const results = await Promise.all(Array.from({ length: 8 }, () => locks().once('key', async () => result, make)));
    expect(results).toEqual(Array(8).fill('made'));
    expect(made).toBe(1);
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  it('let another one try when the first fails', async () => {
    let tries = 0;
    const make = async (): Promise<string> => {
      await sleep(20);
      if (tries++ === 0) throw new Error('no luck');
      return 'made';
    };
    const results = await Promise.allSettled([1, 2].map(() => locks().once('key', async () => undefined, make)));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  it.each([
    ['of a process that was killed', 2 ** 22 + 1, hostname()],
    ['of another machine that says nothing any more', 1, 'elsewhere'],
    ['of a living process that says nothing any more', process.ppid, hostname()],
  ])('%s are broken', async (_, pid, host) => {
    leave(pid, host);
    // A clock that was put back, or forward, says nothing of a holder's life.
    utimesSync(lockPath(), new Date(), new Date(Date.now() + 3_600_000));
    expect(await locks().once('key', async () => undefined, async () => 'made')).toBe('made');
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  it('of a holder that says that it is alive are waited for, however long it takes', async () => {
    leave(process.pid, 'elsewhere');
    const timer = setInterval(() => utimesSync(lockPath(), new Date(), new Date()), 20);
    let found: string | undefined;
    setTimeout(() => {
      clearInterval(timer);
      found = 'theirs';
      rmSync(lockPath());
    }, 3 * TIMES.stale);
    expect(await locks().once('key', async () => found, async () => 'made')).toBe('theirs');
  });

  it('are not waited for without end', async () => {
    leave(process.pid, 'elsewhere');
    const timer = setInterval(() => utimesSync(lockPath(), new Date(), new Date()), 20);
    const impatient = createLocks(async () => root, { ...TIMES, patience: 200 });
    expect(await impatient.once('key', async () => undefined, async () => 'made')).toBe('made');
    clearInterval(timer);
    // It is still theirs.
    expect(readdirSync(join(root, 'locks'))).toHaveLength(1);
  });

  it('of killed processes are removed, and those of others stay', async () => {
    leave(2 ** 22 + 1);
    writeFileSync(join(root, 'locks/living'), JSON.stringify({ id: 'l', pid: process.pid, host: hostname() }));
    writeFileSync(join(root, 'locks/elsewhere'), JSON.stringify({ id: 'e', pid: 2 ** 22 + 1, host: 'elsewhere' }));
    await removeDeadLocks(join(root, 'locks'));
    expect(readdirSync(join(root, 'locks')).sort()).toEqual(['elsewhere', 'living']);
    await removeDeadLocks(join(root, 'nowhere'));
  });

  it('that are damaged hold nobody up for ever', async () => {
    leave(1);
    writeFileSync(lockPath(), 'not JSON');
    expect(await locks().once('key', async () => undefined, async () => 'made')).toBe('made');
  });

  it('that cannot be written keep nobody from working', async () => {
    writeFileSync(join(root, 'locks'), 'a file');
    expect(await locks().once('key', async () => undefined, async () => 'made')).toBe('made');
  });
});
