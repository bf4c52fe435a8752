import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Payload } from '../../onnx/index.ts';
import { replaceFile, writePayload } from './write-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'write-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One buffer for all pieces, as payloads are allowed to give. */
function payloadOf(sizes: readonly number[]): Payload {
  return {
    byteLength: sizes.reduce((a, b) => a + b, 0),
    *chunks() {
      const buffer = new Uint8Array(Math.max(0, ...sizes));
      for (const [i, size] of sizes.entries()) yield buffer.subarray(0, size).fill(i + 1);
    },
  };
}

const expected = (sizes: readonly number[]): Buffer => Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));

describe('writePayload', () => {
  it('writes all pieces in order and hashes them, whatever their sizes', () => {
    const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(300_000), fc.nat(1_200_000)), { maxLength: 12 });
    fc.assert(fc.property(sizes, (pieces) => {
      const path = join(folder, 'out');
      const bytes = expected(pieces);
      expect(writePayload(payloadOf(pieces), path)).toEqual({ bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') });
      expect(readFileSync(path).equals(bytes)).toBe(true);
      rmSync(path);
    }), { numRuns: 50 });
  });

  it('leaves nothing when the payload fails', () => {
    const failing: Payload = {
      byteLength: 2_000_000,
      *chunks() {
        yield new Uint8Array(1_000_000);
        throw new Error('bad weight');
      },
    };
    expect(() => writePayload(failing, join(folder, 'out'))).toThrow('bad weight');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('replaces no file and names the one it cannot write', () => {
    const path = join(folder, 'out');
    writeFileSync(path, 'old');
    expect(() => writePayload(payloadOf([1]), path)).toThrow(expect.objectContaining({ code: 'WRITE_FAILED' }));
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(() => writePayload(payloadOf([1]), join(folder, 'none', 'out'))).toThrow(/"[^"]+none" cannot be written \(ENOENT\)/);
  });
});

describe('replaceFile', () => {
  it('makes folders, replaces the file and leaves nothing else', async () => {
    const path = join(folder, 'a', 'b.json');
    await replaceFile(path, 'one');
    await replaceFile(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(join(folder, 'a'))).toEqual(['b.json']);
  });

  it('keeps what is there when it cannot write', async () => {
    writeFileSync(join(folder, 'file'), 'old');
    await expect(replaceFile(join(folder, 'file', 'x'), 'new')).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
