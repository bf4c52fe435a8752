import type { Limits } from '../limits.ts';

/** Bytes that can be read in any order: a file, a Blob's copy, a Uint8Array. Reads are synchronous. */
export interface ByteSource {
  /** Shown in errors. */
  readonly name: string;
  readonly byteLength: number;
  /** Reads exactly `length` bytes; a view where the bytes are in memory, so callers never write to it. */
  read(offset: number, length: number): Uint8Array;
  /** Fills `target` from `offset`, so that one buffer can serve many reads. */
  readInto(offset: number, target: Uint8Array): void;
  /** What a model in it may ask for; those of the process where there are none. */
  readonly limits?: Readonly<Limits> | undefined;
}

/** Opens files that a model refers to by a relative location (external data). */
export interface ExternalFiles {
  /** @throws QuantizeError EXTERNAL_DATA_MISSING or EXTERNAL_DATA_OUTSIDE */
  open(location: string): ByteSource;
}

export function bytesSource(bytes: Uint8Array, name = 'model', limits?: Readonly<Limits>): ByteSource {
  return {
    name,
    limits,
    byteLength: bytes.byteLength,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    readInto: (offset, target) => target.set(bytes.subarray(offset, offset + target.byteLength)),
  };
}
