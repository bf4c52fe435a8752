import { CHUNK_BYTES } from '../../onnx/index.ts';

/** A row of bytes ranges to be copied one behind the other: source, offset and length in turn. */
export type Run = readonly [bytes: Uint8Array, offset: number, length: number];

/** Runs of any length joined into pieces of a fixed size, so that every piece but the last is made of whole words. */
export function* piecesOf(runs: Iterable<Run>, byteLength: number): Generator<Uint8Array> {
  const piece = new Uint8Array(Math.min(CHUNK_BYTES, byteLength));
  let filled = 0;
  for (const [bytes, offset, length] of runs) {
    for (let done = 0; done < length; ) {
      const count = Math.min(length - done, piece.byteLength - filled);
      piece.set(bytes.subarray(offset + done, offset + done + count), filled);
      done += count;
      filled += count;
      if (filled === piece.byteLength) {
        yield piece;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
