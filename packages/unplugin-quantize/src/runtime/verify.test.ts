import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { verifyBytes } from './verify.ts';

const bytes = new Uint8Array([8, 7, 0, 255]);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const file = { url: 'http://example.org/m.onnx', bytes: 4, sha256 };

describe('verifyBytes', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('passes the right bytes, whatever the case of the hash', async () => {
    await expect(verifyBytes(bytes, file, expect.unreachable)).resolves.toBeUndefined();
    await expect(verifyBytes(bytes, { ...file, sha256: sha256.toUpperCase() }, expect.unreachable)).resolves.toBeUndefined();
  });

  it('refuses other bytes, naming both hashes', async () => {
    const other = new Uint8Array([8, 7, 0, 254]);
    await expect(verifyBytes(other, file, expect.unreachable)).rejects.toMatchObject({ code: 'HASH_MISMATCH', message: expect.stringContaining(sha256) });
  });

  it('says that it could not check on a page without crypto.subtle', async () => {
    vi.stubGlobal('crypto', {});
    const messages: string[] = [];
    await verifyBytes(new Uint8Array(1), file, (message) => messages.push(message));
    expect(messages).toEqual([expect.stringContaining(file.url)]);
  });

  it('does nothing for a bare URL', async () => {
    await expect(verifyBytes(bytes, { ...file, sha256: null }, expect.unreachable)).resolves.toBeUndefined();
  });
});
