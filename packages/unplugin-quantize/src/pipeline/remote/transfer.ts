import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { WrittenFile } from '../cache/write-file.ts';
import type { OpenStorage } from './open-storage.ts';
import { createPatience } from './patience.ts';
import { seal, unseal, type Description, type Part } from './seal.ts';

export type Found = { kind: 'found'; description: Description } | { kind: 'absent' } | { kind: 'damaged'; why: string };

export type Downloaded = { kind: 'whole'; file: WrittenFile } | { kind: 'damaged'; why: string };

export interface Upload {
  /** Of the entry, in the storage. */
  key: string;
  entry: unknown;
  /** Absolute path of the file that belongs to it. */
  file?: string | undefined;
  /** What is there is damaged: parts are written even where there are some. */
  replaces: boolean;
}

/** Entries to and from a storage; files in parts, so that memory and a server's limit of one value do not matter. */
export interface Transfer {
  find(key: string): Promise<Found>;
  /** Puts the parts of a file together at `path`. */
  download(parts: readonly Part[], path: string): Promise<Downloaded>;
  /** @returns the bytes that were sent */
  upload(upload: Upload): Promise<number>;
  close(): Promise<void>;
}

/** Redis holds 512 MB in a value, and a server or proxy often less in a request. */
const PART_BYTES = 8 << 20;
/** Requests that carry little, and such that carry a part each. */
const LANES = { few: 16, parts: 4 };

export interface TransferOptions {
  timeout: number;
  signatureKey?: string | undefined;
  partBytes?: number;
}

export function createTransfer(storage: OpenStorage, { timeout, signatureKey, partBytes = PART_BYTES }: TransferOptions): Transfer {
  const small = createPatience(timeout, LANES.few);
  const large = createPatience(timeout, LANES.parts);
  const partKey = ({ sha256 }: Part): string => `unplugin-quantize:parts:${sha256}`;

  /** Entries come after their parts, so that whoever finds an entry finds its parts. */
  async function sendParts(file: string, replaces: boolean): Promise<{ parts: Part[]; sent: number }> {
    const handle = await open(file);
    const parts: Part[] = [];
    let sent = 0;
    try {
      const { size } = await handle.stat();
      for (let at = 0; at < size; at += partBytes) {
        const bytes = await readFully(handle, at, Math.min(partBytes, size - at));
        const part = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
        parts.push(part);
        // Overwriting what is right would show readers half of it for a moment.
        if (!replaces && (await small.ask(() => storage.has(partKey(part))))) continue;
        await large.ask(() => storage.set(partKey(part), bytes), bytes.byteLength);
        sent += bytes.byteLength;
      }
    } finally {
      await handle.close();
    }
    return { parts, sent };
  }

  return {
    async find(key) {
      const bytes = await small.ask(() => storage.get(key));
      if (bytes === null) return { kind: 'absent' };
      const description = unseal(key, bytes, signatureKey);
      return typeof description === 'string' ? { kind: 'damaged', why: description } : { kind: 'found', description };
    },
    async download(parts, path) {
      const hash = createHash('sha256');
      let written = 0;
      const handle = await open(path, 'wx');
      try {
        for (const part of parts) {
          const bytes = await large.ask(() => storage.get(partKey(part)), part.bytes);
          if (bytes === null) return { kind: 'damaged', why: 'a part of its file is missing' };
          if (bytes.byteLength !== part.bytes || createHash('sha256').update(bytes).digest('hex') !== part.sha256) return { kind: 'damaged', why: 'a part of its file has other bytes' };
          hash.update(bytes);
          await handle.writeFile(bytes);
          written += bytes.byteLength;
        }
      } finally {
        await handle.close();
      }
      return { kind: 'whole', file: { bytes: written, sha256: hash.digest('hex') } };
    },
    async upload({ key, entry, file, replaces }) {
      const { parts, sent } = file === undefined ? { sent: 0 } : await sendParts(file, replaces);
      const bytes = seal(key, { entry, ...(parts !== undefined && { parts }) }, signatureKey);
      await small.ask(() => storage.set(key, bytes), bytes.byteLength);
      return sent + bytes.byteLength;
    },
    close: () => storage.close(),
  };
}

async function readFully(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw new Error('the file became shorter while it was uploaded');
    done += bytesRead;
  }
  return bytes;
}
