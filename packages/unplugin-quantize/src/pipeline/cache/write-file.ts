import { createHash, randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { QuantizeError, systemErrorCode } from '../../errors.ts';
import type { Payload } from '../../onnx/index.ts';

/** Small pieces are gathered to this size, so that a model of a thousand tensors takes few system calls. */
const PIECE = 1 << 20;
/** From this size on, copying a piece takes longer than a system call. */
const DIRECT = 1 << 16;

export interface WrittenFile {
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
}

/**
 * Streams a payload into a new file and hashes it on the way. The file is gone again when anything fails; errors name its folder,
 * because its own name is a temporary one.
 *
 * @param isHashed false leaves the hash empty, which saves an eighth of the time
 * @throws QuantizeError WRITE_FAILED (disk full, no permission), and whatever the payload throws
 */
export function writePayload(payload: Payload, path: string, isHashed = true): WrittenFile {
  const hash = isHashed ? createHash('sha256') : undefined;
  const folder = dirname(path);
  const descriptor = attempt(folder, () => openSync(path, 'wx'));
  try {
    const buffer = new Uint8Array(PIECE);
    let filled = 0;
    const put = (bytes: Uint8Array): void => {
      hash?.update(bytes);
      attempt(folder, () => writeFully(descriptor, bytes));
    };
    const flush = (): void => {
      if (filled > 0) put(buffer.subarray(0, filled));
      filled = 0;
    };
    for (const chunk of payload.chunks()) {
      if (filled + chunk.byteLength > PIECE) flush();
      if (chunk.byteLength >= DIRECT) {
        flush();
        put(chunk);
      } else {
        buffer.set(chunk, filled);
        filled += chunk.byteLength;
      }
    }
    flush();
    attempt(folder, () => closeSync(descriptor));
  } catch (error) {
    discard(descriptor, path);
    throw error;
  }
  return { bytes: payload.byteLength, sha256: hash?.digest('hex') ?? '' };
}

/** A write may take fewer bytes than it was given, on a nearly full disk above all. */
function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(descriptor, bytes, done);
}

function discard(descriptor: number, path: string): void {
  try {
    closeSync(descriptor);
  } catch {
    // It was closed before the failure.
  }
  removeDraft(path);
}

function attempt<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/** Removes unfinished work, a file or a folder. That it was never made, or cannot be removed, does not hide what went wrong before. */
export function removeDraft(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The error that led here is the one to tell.
  }
}

/** A name beside `path` that nobody else uses, so that a rename puts the finished file in its place at once. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.tmp`);
}

/**
 * Writes a small file so that readers see the old text or the new one, never a part; folders are made.
 *
 * @throws QuantizeError WRITE_FAILED
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (cause) {
    removeDraft(temporary);
    throw writeFailed(path, cause);
  }
}

const HINTS: Record<string, string> = {
  ENOSPC: 'The disk is full: make room and build again.',
  EDQUOT: 'Your quota on this disk is used up: make room and build again.',
  EACCES: 'This user may not write there.',
  EPERM: 'This user may not write there.',
  EROFS: 'This disk is read-only.',
  ENOENT: 'The folder does not exist.',
  EISDIR: 'There is a folder of this name.',
};

/** A failed write as an error that says where and what to do. */
export function writeFailed(path: string, cause: unknown): QuantizeError {
  if (cause instanceof QuantizeError) return cause;
  const code = systemErrorCode(cause);
  if (code === undefined) throw cause;
  return new QuantizeError('WRITE_FAILED', `"${path}" cannot be written (${code}).`, { hint: HINTS[code], cause });
}
