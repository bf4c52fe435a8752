import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createArrivals, type Arrivals } from './arrivals.ts';

let folder: string;
let arrivals: Arrivals;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arrivals-'));
  mkdirSync(join(folder, 'other'));
  arrivals = createArrivals();
});
afterEach(() => {
  arrivals.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('arrivals', () => {
  it('change a file when a path appears or goes, and for nothing else', async () => {
    const wanted = join(folder, 'm.json');
    const [signal, ...more] = arrivals.signalsOf([wanted, join(folder, 'm.ts')]);
    expect(more).toEqual([]);
    const [elsewhere] = arrivals.signalsOf([join(folder, 'other/m.json')]);
    expect(elsewhere).not.toBe(signal);
    const read = (): string => readFileSync(signal!, 'utf8');
    const seen = [read()];
    for (const change of [() => writeFileSync(wanted, '{}'), () => rmSync(wanted), () => writeFileSync(wanted, '{}')]) {
      writeFileSync(join(folder, 'unrelated'), String(seen.length));
      change();
      await vi.waitFor(() => expect(read()).not.toBe(seen.at(-1)), { timeout: 5000 });
      seen.push(read());
    }
    expect(new Set(seen).size).toBe(4);
    expect(readFileSync(elsewhere!, 'utf8')).toBe(seen[0]);
    expect(arrivals.signalsOf([wanted])).toEqual([signal]);
  });

  it('are told of no folder that is not there, and leave nothing behind', () => {
    expect(arrivals.signalsOf([join(folder, 'none/m.json')])).toEqual([]);
    const [signal] = arrivals.signalsOf([join(folder, 'm.json')]);
    arrivals.close();
    expect(existsSync(signal!)).toBe(false);
  });
});
