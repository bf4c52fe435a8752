import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemErrorCode } from '../../errors.ts';
import { sha256Text } from './hash.ts';
import { onInterrupt } from '../workers/interrupt.ts';

/** Keeps processes that share a folder from doing the same work at the same time. Only a saving: results are right without it. */
export interface Locks {
  /**
   * What `find` gives, after `make` where it gives nothing. While another process makes it, this one waits, and then looks again.
   *
   * @param find undefined where there is nothing yet
   */
  once<T>(key: string, find: () => Promise<T | undefined>, make: () => Promise<T>): Promise<T>;
}

export interface LockTimes {
  /** How often a waiting process looks. */
  poll: number;
  /** How often the holder says that it is alive. */
  beat: number;
  /** A lock whose holder has said nothing for so long is nobody's. Measured by a clock that only goes forward. */
  stale: number;
  /** Who has waited for so long works too, whatever the holder does. */
  patience: number;
}

const TIMES: LockTimes = { poll: 50, beat: 2_000, stale: 20_000, patience: 15 * 60_000 };

interface Holder {
  id: string;
  pid: number;
  host: string;
}

/** @param folder where the locks go; where nothing can be written there is no lock, and everybody works */
export function createLocks(folder: () => Promise<string>, times: LockTimes = TIMES): Locks {
  return {
    async once(key, find, make) {
      const path = join(await folder(), 'locks', sha256Text(key).slice(0, 32));
      for (const started = performance.now(); ;) {
        const isPatient = performance.now() - started < times.patience;
        const release = isPatient ? await acquire(path, times) : noLock;
        if (release !== undefined) {
          try {
            return (await find()) ?? (await make());
          } finally {
            await release();
          }
        }
        await waitFor(path, times, started + times.patience);
        const found = await find();
        if (found !== undefined) return found;
      }
    },
  };
}

/** Gives the lock back. */
type Release = () => Promise<void>;

const noLock: Release = async () => undefined;

/** Undefined where another one holds it. */
async function acquire(path: string, { beat }: LockTimes): Promise<Release | undefined> {
  const holder: Holder = { id: randomUUID(), pid: process.pid, host: hostname() };
  try {
    await mkdir(join(path, '..'), { recursive: true });
  } catch {
    return noLock;
  }
  try {
    await writeFile(path, JSON.stringify(holder), { flag: 'wx' });
  } catch (error) {
    return systemErrorCode(error) === 'EEXIST' ? undefined : noLock;
  }
  const settled = onInterrupt(() => removeOwn(path, holder));
  const timer = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), beat).unref();
  return async () => {
    clearInterval(timer);
    settled();
    removeOwn(path, holder);
  };
}

/** One that was taken away because this process seemed dead is not given back. */
function removeOwn(path: string, { id }: Holder): void {
  try {
    if ((JSON.parse(readFileSync(path, 'utf8')) as Holder).id === id) rmSync(path, { force: true });
  } catch {
    // It is gone.
  }
}

/** Waits until the lock is gone, and removes one whose holder is dead. */
async function waitFor(path: string, { poll, stale }: LockTimes, deadline: number): Promise<void> {
  let seen: string | undefined;
  let since = performance.now();
  for (;;) {
    const state = await stateOf(path);
    if (state === undefined || performance.now() > deadline) return;
    if (state !== seen) [seen, since] = [state, performance.now()];
    if (performance.now() - since > stale || (await isDead(path))) {
      await breakLock(path);
      return;
    }
    await sleep(poll);
  }
}

/** Changes with every beat of the holder. */
async function stateOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch {
    return undefined;
  }
}

/** True for a process of this machine that is no more; nobody knows of those of others. */
async function isDead(path: string): Promise<boolean> {
  try {
    const { pid, host } = JSON.parse(await readFile(path, 'utf8')) as Holder;
    if (host !== hostname()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemErrorCode(error) === 'ESRCH';
  }
}

/** Removes what killed processes of this machine left in a folder of locks, where nobody may ever ask for the same work again. */
export async function removeDeadLocks(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (await isDead(join(folder, name))) await breakLock(join(folder, name));
}

/** By a rename, of which only one process has the luck. */
async function breakLock(path: string): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(path, aside);
    await rm(aside, { force: true });
  } catch {
    // Another one was faster.
  }
}
