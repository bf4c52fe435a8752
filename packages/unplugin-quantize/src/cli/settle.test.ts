import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle } from './settle.ts';

let root: string;
let draft: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'settle-'));
  draft = join(root, 'draft');
  mkdirSync(draft);
  writeFileSync(join(draft, 'm.data'), 'new data');
  writeFileSync(join(draft, 'm'), 'new model');
});
afterEach(() => rmSync(root, { recursive: true }));

const MOVES = ['m.data', 'm'];
const moveAll = (): Promise<void> => settle(draft, MOVES.map((name) => [name, join(root, name)]));
const textOf = (name: string): string => readFileSync(join(root, name), 'utf8');

describe('settle', () => {
  it('puts files in their places, over older ones', async () => {
    writeFileSync(join(root, 'm'), 'older model');
    writeFileSync(join(root, 'm.data'), 'older data');
    await moveAll();
    expect([textOf('m'), textOf('m.data')]).toEqual(['new model', 'new data']);
  });

  it('takes the first file back where the second finds no place', async () => {
    // A folder that is not empty cannot be replaced by a file.
    mkdirSync(join(root, 'm/inner'), { recursive: true });
    await expect(moveAll()).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    expect(readdirSync(root).sort()).toEqual(['draft', 'm']);
  });

  it('brings the older first file back where the second finds no place', async () => {
    mkdirSync(join(root, 'm/inner'), { recursive: true });
    writeFileSync(join(root, 'm.data'), 'older data');
    await expect(moveAll()).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    expect(textOf('m.data')).toBe('older data');
  });
});
