import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Payload } from '../onnx/index.ts';
import { equalPayloads } from './equal-payloads.ts';

/** The bytes cut into pieces of the given lengths, again and again; 0 gives an empty piece. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Payload {
  return {
    byteLength: bytes.byteLength,
    *chunks() {
      for (let at = 0, i = 0; at < bytes.byteLength; i++) {
        const length = lengths[i % lengths.length]!;
        yield bytes.subarray(at, at + length);
        at += length;
      }
    },
  };
}

const pieces = fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }).filter((lengths) => lengths.some((length) => length > 0));

describe('equalPayloads', () => {
  it('does not depend on how the bytes are cut', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), pieces, pieces, (bytes, a, b) => {
      expect(equalPayloads(cut(bytes, a), cut(bytes.slice(), b))).toBe(true);
    }));
  });

  it('sees every single difference', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(), pieces, pieces, (bytes, at, a, b) => {
      const other = bytes.slice();
      other[at % bytes.length]! ^= 1;
      expect(equalPayloads(cut(bytes, a), cut(other, b))).toBe(false);
    }));
  });

  it('tells lengths apart', () => {
    expect(equalPayloads(cut(new Uint8Array(3), [2]), cut(new Uint8Array(4), [2]))).toBe(false);
  });
});
