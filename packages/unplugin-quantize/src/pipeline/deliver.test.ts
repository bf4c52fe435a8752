import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCache, type Cache } from './cache/cache.ts';
import { compressFile, deliver, type DeliveredFile } from './deliver.ts';

let folder: string;
let cache: Cache;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deliver-'));
  cache = createCache(join(folder, 'cache'), () => undefined);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function artefact(bytes: Uint8Array): DeliveredFile {
  const file = join(folder, 'model.onnx');
  writeFileSync(file, bytes);
  return { file, bytes: bytes.length, sha256: hashOf(bytes) };
}

/** Half of it compresses. */
const hard = Uint8Array.from({ length: 100_000 }, (_, i) => createHash('md5').update(String(i)).digest()[0]!);
const soft = Uint8Array.from({ length: 200_000 }, (_, i) => (i % 2 === 0 ? 7 : hard[i >> 1]!));

describe('deliver', () => {
  it('leaves a file as it is unless something is asked for', async () => {
    const whole = artefact(soft);
    expect(await deliver(cache, whole, { compress: false })).toEqual({ files: [whole] });
    expect(await deliver(cache, whole, { compress: false, maxFileBytes: whole.bytes })).toEqual({ files: [whole] });
  });

  it('compresses what becomes smaller, the same again and from the cache', async () => {
    const { encoding, files } = await deliver(cache, artefact(soft), { compress: 'gzip' });
    expect([encoding, files.length]).toEqual(['gzip', 1]);
    const packed = readFileSync(files[0]!.file);
    expect(new Uint8Array(gunzipSync(packed))).toEqual(soft);
    expect(files[0]).toMatchObject({ bytes: packed.length, sha256: hashOf(packed) });
    expect(packed.length).toBeLessThan(soft.length * 0.9);
    expect(await deliver(cache, artefact(soft), { compress: 'gzip' })).toEqual({ encoding, files });
    const other = createCache(join(folder, 'other'), () => undefined);
    expect((await deliver(other, artefact(soft), { compress: 'gzip' })).files[0]!.sha256).toBe(files[0]!.sha256);
  });

  it('does not compress what stays as large', async () => {
    const whole = artefact(hard);
    expect(await deliver(cache, whole, { compress: 'gzip' })).toEqual({ files: [whole] });
  });

  it.each([false, 'gzip'] as const)('cuts what is too large (compress: %s)', async (compress) => {
    const whole = artefact(soft);
    const { files } = await deliver(cache, whole, { compress, maxFileBytes: 70_000 });
    expect(files.length).toBeGreaterThan(1);
    for (const { file, bytes, sha256 } of files) {
      const part = readFileSync(file);
      expect([part.length, hashOf(part)]).toEqual([bytes, sha256]);
      expect(bytes).toBeLessThanOrEqual(70_000);
    }
    const joined = Buffer.concat(files.map(({ file }) => readFileSync(file)));
    expect(new Uint8Array(compress === false ? joined : gunzipSync(joined))).toEqual(soft);
  });

  it('also makes brotli', async () => {
    const { file } = await compressFile(cache, artefact(soft), 'brotli');
    expect(new Uint8Array(brotliDecompressSync(readFileSync(file)))).toEqual(soft);
  });

  it('fails with the file', async () => {
    await expect(compressFile(cache, { file: join(folder, 'gone'), bytes: 1, sha256: 'x' }, 'gzip')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  });
});
