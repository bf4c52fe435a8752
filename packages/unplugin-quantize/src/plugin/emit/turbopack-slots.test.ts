import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSlots, placeInSlot, SLOTS } from './turbopack-slots.ts';

describe('slots of Turbopack', () => {
  let folder: string;
  const artefact = (sha256: string): { file: string; fileName: string; sha256: string } => {
    const file = join(folder, sha256);
    writeFileSync(file, sha256);
    return { file, fileName: 'm.onnx', sha256 };
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slots-'));
    makeSlots(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are there before a build looks into their folder, and none comes later', async () => {
    const before = readdirSync(join(folder, SLOTS));
    expect(before).toHaveLength(4096);
    await placeInSlot(folder, artefact(`abc1${'0'.repeat(60)}`));
    expect(readdirSync(join(folder, SLOTS))).toEqual(before);
  });

  it('hold one artefact each, under its own name, and the same one again in the same place', async () => {
    const [one, other] = [artefact(`fff1${'0'.repeat(60)}`), artefact(`fff2${'0'.repeat(60)}`)];
    const first = await placeInSlot(folder, one);
    const second = await placeInSlot(folder, other);
    expect([first, second].map((path) => [basename(path), basename(dirname(dirname(path))), readFileSync(path, 'utf8')])).toEqual([
      ['m.onnx', 'fff', one.sha256],
      ['m.onnx', '000', other.sha256],
    ]);
    expect(await placeInSlot(folder, one)).toBe(first);
    expect(await placeInSlot(folder, other)).toBe(second);
  });
});
