import type { Payload } from '../onnx/index.ts';

/** True when two payloads have the same bytes, however they are cut into pieces; reading ends at the first difference. */
export function equalPayloads(a: Payload, b: Payload): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const others = b.chunks()[Symbol.iterator]();
  let other: Uint8Array = new Uint8Array(0);
  for (const piece of a.chunks()) {
    for (let done = 0; done < piece.byteLength; ) {
      if (other.byteLength === 0) {
        const next = others.next();
        if (next.done === true) return false;
        other = next.value;
        continue;
      }
      const length = Math.min(other.byteLength, piece.byteLength - done);
      if (!equalBytes(piece.subarray(done, done + length), other.subarray(0, length))) return false;
      done += length;
      other = other.subarray(length);
    }
  }
  return true;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}
