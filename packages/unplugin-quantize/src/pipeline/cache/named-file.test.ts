import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nameFile } from './named-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'named-'));
  file = join(folder, 'model.onnx');
  writeFileSync(file, 'bytes');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = createHash('sha256').update('bytes').digest('hex');
const named = (name: string): Promise<string> => nameFile(join(folder, 'named'), { file, sha256, name });

describe('nameFile', () => {
  it('gives a path that ends in the name, the same again, and takes no room', async () => {
    const paths = await Promise.all([named('face.onnx'), named('face.onnx'), named('other.onnx')]);
    expect(paths.map((path) => path.slice(dirname(paths[0]!).length))).toEqual(['/face.onnx', '/face.onnx', '/other.onnx']);
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['bytes', 'bytes', 'bytes']);
    expect(statSync(paths[0]!).ino).toBe(statSync(file).ino);
    expect(await named('face.onnx')).toBe(paths[0]);
    expect(readdirSync(dirname(paths[0]!)).sort()).toEqual(['face.onnx', 'other.onnx']);
  });

  it('follows a file that was made again', async () => {
    const path = await named('face.onnx');
    writeFileSync(join(folder, 'new'), 'other');
    renameSync(join(folder, 'new'), file);
    expect(await named('face.onnx')).toBe(path);
    expect(readFileSync(path, 'utf8')).toBe('other');
    expect(readdirSync(dirname(path))).toEqual(['face.onnx']);
  });

  it('says what it cannot write', async () => {
    writeFileSync(join(folder, 'named'), '');
    await expect(named('face.onnx')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  });
});
