import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCache } from '../cache/cache.ts';
import { compressFile, findCompressed } from './compressed.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'compressed-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Half of it compresses, and it is longer than a piece. */
function write(name: string, length: number): { path: string; bytes: Uint8Array } {
  const bytes = Uint8Array.from({ length }, (_, i) => (i % 2 === 0 ? 7 : (i * 2654435761) >>> 24));
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

const sizes = (bytes: Uint8Array): { gzip: number; brotli: number } => ({
  gzip: gzipSync(bytes, { level: 9 }).byteLength,
  brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength } }).byteLength,
});

describe('compressed sizes', () => {
  it.each([0, 1, 1 << 20, 2_500_000])('are those of %i bytes in one piece', async (length) => {
    const { path, bytes } = write('a', length);
    expect(await compressFile(path)).toEqual(sizes(bytes));
  });

  it('are added over files and found again', async () => {
    const [a, b] = [write('a', 100_000), write('b', 50_000)];
    const cache = createCache(join(folder, 'cache'), () => undefined);
    const sum = await findCompressed(cache, [a.path, b.path]);
    expect(sum).toEqual({ gzip: sizes(a.bytes).gzip + sizes(b.bytes).gzip, brotli: sizes(a.bytes).brotli + sizes(b.bytes).brotli });
    const onlyRead = { ...cache, write: () => Promise.reject(new Error('It is computed again.')) };
    expect(await findCompressed(onlyRead, [b.path, a.path])).toEqual(sum);
  });

  it('fail with the file', async () => {
    await expect(compressFile(join(folder, 'gone'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(compressFile(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
