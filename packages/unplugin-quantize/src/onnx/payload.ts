import type { ByteSource } from './source.ts';

/** Pieces that are read, transformed and written hold this many bytes: large enough to be fast, small enough for a processor's cache. */
export const CHUNK_BYTES = 1 << 18;

/** The encoded content of a field, produced only when somebody asks. */
export interface Payload {
  readonly byteLength: number;
  /** The bytes in order; each piece is valid until the next one is taken. */
  chunks(): Iterable<Uint8Array>;
  /** The first `length` bytes, or all where there are fewer; absent where they would have to be computed. */
  peek?(length: number): Uint8Array;
}

/** A payload together with the TensorProto field number that carries it, so that a file is written back as it was. */
export interface TensorPayload extends Payload {
  readonly field: number;
}

/** A range of a source. */
export function rangePayload(source: ByteSource, offset: number, byteLength: number): Payload {
  return {
    byteLength,
    *chunks() {
      if (byteLength === 0) return;
      // One buffer serves all pieces, so that a gigabyte passes through it.
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, byteLength));
      for (let done = 0; done < byteLength; done += buffer.byteLength) {
        const piece = buffer.subarray(0, Math.min(buffer.byteLength, byteLength - done));
        source.readInto(offset + done, piece);
        yield piece;
      }
    },
    peek: (length) => source.read(offset, Math.min(length, byteLength)),
  };
}

export function bytesPayload(bytes: Uint8Array): Payload {
  return { byteLength: bytes.byteLength, chunks: () => [bytes], peek: (length) => bytes.subarray(0, length) };
}

/** All bytes of a payload in one array of its own. */
export function readPayload(payload: Payload): Uint8Array {
  const bytes = new Uint8Array(payload.byteLength);
  let offset = 0;
  for (const chunk of payload.chunks()) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
