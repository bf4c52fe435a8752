import { RuntimeError } from './errors.ts';
import type { ModelFile } from './types.ts';

/**
 * Compares the SHA-256 of the bytes with the build's. Pages that are neither https nor localhost have no `crypto.subtle`:
 * there the check is left out, and `warn` is told.
 * @throws RuntimeError HASH_MISMATCH
 */
export async function verifyBytes(bytes: Uint8Array<ArrayBuffer>, file: ModelFile, warn: (message: string) => void): Promise<void> {
  if (file.sha256 === null) return;
  // Typed as always present, which it is in secure contexts only.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    warn(`The integrity of ${file.url} was not checked: crypto.subtle exists only on https pages and localhost.`);
    return;
  }
  assertHash(hex(new Uint8Array(await subtle.digest('SHA-256', bytes))), file);
}

/** @throws RuntimeError HASH_MISMATCH */
export function assertHash(found: string, { url, sha256 }: ModelFile): void {
  if (sha256 === null || found === sha256.toLowerCase()) return;
  throw new RuntimeError('HASH_MISMATCH', `The model is not the file that the build wrote: SHA-256 ${found}, expected ${sha256}`, {
    url,
    hint: 'A cache or deployment mixes files of two builds, or the file was changed after the build.',
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
