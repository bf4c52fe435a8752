import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floats } from '../../../../test/support/build-model.ts';
import { decode } from '../../../../test/support/quantize-model.ts';
import { arrayTensor, readPayload } from '../onnx/index.ts';
import { fitsFloat16, isMask, toFloat16, vanishes, withinHalf } from './half.ts';

const reference: { float32: string; float16: string } = JSON.parse(readFileSync(new URL('../../../../test/reference/quantize/halves.json', import.meta.url), 'utf8'));

/** The largest float32 below 65520, the midpoint between the largest finite float16 and what would follow it. */
const BELOW = 65519.99609375;

describe('toFloat16', () => {
  it('rounds as numpy does, masks apart', () => {
    const source = new Float32Array(new Uint8Array(Buffer.from(reference.float32, 'base64')).buffer);
    const expected = new Uint16Array(new Uint8Array(Buffer.from(reference.float16, 'base64')).buffer);
    const found = new Uint16Array(readPayload(toFloat16(arrayTensor('float32', [source.length], source))).buffer);
    expect(source.length).toBeGreaterThan(9000);
    // Any quiet NaN is as good as another.
    const mask = (value: number): number => (value < 0 ? 0xf0e2 : 0x70e2);
    const wanted = expected.map((bits, i) => (Number.isFinite(source[i]) && Math.abs(source[i]!) >= 65520 ? mask(source[i]!) : Number.isNaN(source[i]) ? found[i]! | 0x7e00 : bits));
    expect([...found]).toEqual([...wanted]);
  });

  it('keeps infinities and NaN and brings finite masks into range', () => {
    const half = toFloat16(floats([6], [-3.4028234663852886e38, 1e30, Infinity, -Infinity, NaN, BELOW]));
    expect(half).toMatchObject({ dtype: 'float16', dims: [6], byteLength: 12 });
    expect([...decode(half, 'float16')]).toEqual([-1e4, 1e4, Infinity, -Infinity, NaN, 65504]);
  });

  it('gives the same pieces each time it is read', () => {
    const half = toFloat16(floats([3], [1, 2, 3]));
    expect(readPayload(half)).toEqual(readPayload(half));
  });
});

describe('questions about ranges', () => {
  const cases: [number, { fits: boolean; within: boolean; mask: boolean; vanishes: boolean }][] = [
    [BELOW, { fits: true, within: true, mask: false, vanishes: false }],
    [65520, { fits: false, within: false, mask: false, vanishes: false }],
    [9.999e29, { fits: false, within: false, mask: false, vanishes: false }],
    [1e30, { fits: false, within: true, mask: true, vanishes: false }],
    [3.4028234663852886e38, { fits: false, within: true, mask: true, vanishes: false }],
    [Infinity, { fits: true, within: true, mask: false, vanishes: false }],
    [NaN, { fits: true, within: true, mask: false, vanishes: false }],
    [0, { fits: true, within: true, mask: false, vanishes: false }],
    [2 ** -25, { fits: true, within: true, mask: false, vanishes: true }],
    [2 ** -25 * (1 + 2 ** -23), { fits: true, within: true, mask: false, vanishes: false }],
    [1e-12, { fits: true, within: true, mask: false, vanishes: true }],
  ];

  it.each(cases.flatMap(([value, answers]) => [[value, answers], [-value, answers]] as const))('%s: %j', (value, answers) => {
    // The last element, behind harmless ones.
    const tensor = floats([3], [1, 0, value]);
    expect({ fits: fitsFloat16(tensor), within: withinHalf(tensor), mask: isMask(tensor), vanishes: vanishes(tensor) }).toEqual(answers);
  });
});

it('finds a value at every place, among others of any size', () => {
  const around = [0, 1e-30, 0.5, -3, 60_000];
  for (const length of [1, 7, 8, 9, 16, 21]) {
    for (let at = 0; at < length; at++) {
      const values = Array.from({ length }, (_, i) => (i === at ? -65520 : around[i % around.length]!));
      expect(fitsFloat16(floats([length], values))).toBe(false);
      values[at] = BELOW;
      expect(fitsFloat16(floats([length], values))).toBe(true);
    }
  }
});
