import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHashMemo, sha256File } from './hash.ts';

let folder: string;
let path: string;
let notes: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hash-'));
  path = join(folder, 'model.onnx');
  notes = join(folder, 'notes');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const HOUR_AGO = new Date(Date.now() - 3_600_000);
const FORGED = 'f'.repeat(64);

/** Writes a file that was last changed an hour ago. */
function writeOld(text: string): void {
  writeFileSync(path, text);
  utimesSync(path, HOUR_AGO, HOUR_AGO);
}

/** A note that says something wrong shows whether the note or the file was read. */
function forgeNote(): void {
  const note = join(notes, readdirSync(notes)[0]!);
  writeFileSync(note, readFileSync(note, 'utf8').replace(/[0-9a-f]{64}/, FORGED));
}

describe('sha256File', () => {
  it('hashes a file of several pieces', async () => {
    writeFileSync(path, 'a'.repeat(2_500_000));
    expect(await sha256File(path)).toBe(sha256('a'.repeat(2_500_000)));
  });
});

describe('createHashMemo', () => {
  it('reads a file that has not changed only once', async () => {
    writeOld('abc');
    const memo = createHashMemo(notes);
    expect(await memo.digest(path)).toEqual({ bytes: 3, sha256: sha256('abc') });
    forgeNote();
    expect(await memo.digest(path)).toEqual({ bytes: 3, sha256: FORGED });
  });

  it('reads again after a change, even one that keeps size and time of writing', async () => {
    writeOld('abc');
    const memo = createHashMemo(notes);
    await memo.digest(path);
    writeOld('xyz');
    expect(await memo.digest(path)).toEqual({ bytes: 3, sha256: sha256('xyz') });
  });

  it('trusts no file that was written just before', async () => {
    writeFileSync(path, 'abc');
    const memo = createHashMemo(notes);
    expect((await memo.digest(path)).sha256).toBe(sha256('abc'));
    await memo.remember(path, FORGED);
    expect((await memo.digest(path)).sha256).toBe(sha256('abc'));
  });

  it('takes the word of whoever wrote a file', async () => {
    writeOld('abc');
    const memo = createHashMemo(notes);
    await memo.remember(path, FORGED);
    expect((await memo.digest(path)).sha256).toBe(FORGED);
  });

  it.each(['', '{', '{"sha256":"short"}', 'null'])('overlooks the damaged note %j', async (text) => {
    writeOld('abc');
    const memo = createHashMemo(notes);
    await memo.digest(path);
    writeFileSync(join(notes, readdirSync(notes)[0]!), text);
    expect((await memo.digest(path)).sha256).toBe(sha256('abc'));
  });

  it('works without notes where they cannot be written', async () => {
    writeOld('abc');
    writeFileSync(notes, 'a file is in the way');
    expect((await createHashMemo(notes).digest(path)).sha256).toBe(sha256('abc'));
  });
});
