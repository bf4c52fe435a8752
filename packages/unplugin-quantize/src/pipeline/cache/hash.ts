import { createHash } from 'node:crypto';
import { createReadStream, type BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './write-file.ts';

/** Content of a file in two figures; `sha256` is lower-case hexadecimal. */
export interface FileDigest {
  bytes: number;
  sha256: string;
}

/** Knows the hashes of files that have not changed, so that a warm build reads no model. */
export interface HashMemo {
  /** @throws Node's own error when the file cannot be read */
  digest(path: string): Promise<FileDigest>;
  /** Notes a hash that was computed while the file was written. */
  remember(path: string, sha256: string): Promise<void>;
}

/** What the file system says of a file without reading it; big numbers as text for JSON. */
interface Stamp {
  size: string;
  mtimeNs: string;
  ctimeNs: string;
  inode: string;
}

type Memo = Stamp & { sha256: string };

/**
 * File systems count time in steps of up to 2 s (FAT), so a change right after hashing may leave the stamp as it was.
 * As in git's index, a stamp is only trusted when the file was clearly older than the moment of hashing.
 */
const CLEARLY_OLDER_NS = 2_000_000_000n;

/** @param folder where notes are kept, one small file for each path; a note that cannot be written is only a loss of speed */
export function createHashMemo(folder: string, now: () => bigint = () => BigInt(Date.now()) * 1_000_000n): HashMemo {
  const noteOf = (path: string): string => join(folder, `${sha256Text(path).slice(0, 32)}.json`);

  async function note(path: string, stamp: Stamp, sha256: string): Promise<void> {
    try {
      await replaceFile(noteOf(path), JSON.stringify({ ...stamp, sha256 } satisfies Memo));
    } catch {
      // The file is hashed again next time.
    }
  }

  return {
    async digest(path) {
      const before = stampOf(await stat(path, { bigint: true }));
      const known = await readNote(noteOf(path));
      if (known !== undefined && isSame(known, before)) return { bytes: Number(before.size), sha256: known.sha256 };
      const started = now();
      const sha256 = await sha256File(path);
      const after = stampOf(await stat(path, { bigint: true }));
      if (isSame(before, after) && BigInt(after.mtimeNs) + CLEARLY_OLDER_NS < started) await note(path, after, sha256);
      return { bytes: Number(after.size), sha256 };
    },
    async remember(path, sha256) {
      const stamp = stampOf(await stat(path, { bigint: true }));
      if (BigInt(stamp.mtimeNs) + CLEARLY_OLDER_NS < now()) await note(path, stamp, sha256);
    },
  };
}

/** SHA-256 of a file of any size; other work goes on between the pieces. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

export function sha256Text(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function stampOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): Stamp {
  return { size: String(size), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs), inode: String(ino) };
}

function isSame(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode;
}

async function readNote(path: string): Promise<Memo | undefined> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Memo;
    return /^[0-9a-f]{64}$/.test(note.sha256) ? note : undefined;
  } catch {
    return undefined;
  }
}
