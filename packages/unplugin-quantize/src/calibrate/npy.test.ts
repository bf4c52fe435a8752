import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { halfToNumber } from '../onnx/index.ts';
import { parseNpy } from './npy.ts';
import { parseNpz } from './npz.ts';

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../../../test/reference/npz/${name}`, import.meta.url));

describe('parseNpz', () => {
  const types = parseNpz(fixture('types.npz'), 'types.npz');

  it.each([
    ['i1', 'int8', [-128, 1, 2, 3, 4, 127]],
    ['i2', 'int16', [-32768, 1, 2, 3, 4, 32767]],
    ['i4', 'int32', [-2147483648, 1, 2, 3, 4, 2147483647]],
    ['i8', 'int64', [-(2n ** 63n), 1n, 2n, 3n, 4n, 2n ** 63n - 1n]],
    ['u1', 'uint8', [0, 1, 2, 3, 4, 255]],
    ['u2', 'uint16', [0, 1, 2, 3, 4, 65535]],
    ['u4', 'uint32', [0, 1, 2, 3, 4, 4294967295]],
    ['u8', 'uint64', [0n, 1n, 2n, 3n, 4n, 2n ** 64n - 1n]],
    ['b1', 'bool', [1, 0, 1, 0, 0, 1]],
    ['f4', 'float32', [-1.5, Math.fround(0.1), Infinity, NaN, 65504, -0]],
    ['f8', 'float64', [-1.5, 0.1, Infinity, NaN, 65504, -0]],
  ])('reads %s as %s', (name, dtype, values) => {
    expect(types[name]).toMatchObject({ dtype, dims: [2, 3] });
    expect([...types[name]!.data]).toEqual(values);
  });

  it('reads f2 as bit patterns of float16', () => {
    expect(types['f2']!.dtype).toBe('float16');
    // 0.1 is 0x2e66 in binary16: 1638 / 2^14.
    expect([...(types['f2']!.data as Uint16Array)].map(halfToNumber)).toEqual([-1.5, 1638 / 2 ** 14, Infinity, NaN, 65504, -0]);
  });

  it('reads compressed, Fortran-ordered, big-endian, scalar and empty arrays', () => {
    const layouts = parseNpz(fixture('layouts.npz'), 'layouts.npz');
    const count = Array.from({ length: 24 }, (_, i) => i);
    for (const name of ['rows', 'fortran', 'big_endian']) {
      expect(layouts[name]).toMatchObject({ dtype: 'float32', dims: [2, 3, 4] });
      expect([...layouts[name]!.data]).toEqual(count);
    }
    expect(layouts['scalar']).toEqual({ dtype: 'int64', dims: [], data: BigInt64Array.of(7n) });
    expect(layouts['empty']).toEqual({ dtype: 'float32', dims: [0, 5], data: new Float32Array(0) });
    expect(Object.keys(layouts)).toContain('input.0/x');
  });

  it.each([
    ['text.npz', /numpy type <U2/],
    ['structure.npz', /not of one plain array/],
  ])('refuses %s', (file, message) => {
    expect(() => parseNpz(fixture(file), file)).toThrowError(message);
  });

  it('refuses what is no archive, and one that is cut off', () => {
    expect(() => parseNpz(new TextEncoder().encode('not a zip file at all'), 'a.npz')).toThrowError(/SAMPLES_INVALID/);
    expect(() => parseNpz(fixture('types.npz').subarray(0, 2000), 'a.npz')).toThrowError(/SAMPLES_INVALID/);
  });
});

describe('parseNpy', () => {
  it('refuses a file cut off at every byte', () => {
    const bytes = fixture('single.npy');
    expect([...parseNpy(bytes, 'x').data]).toEqual([0, 1, 2, 3, 4, 5]);
    for (let end = 0; end < bytes.byteLength; end++) {
      expect(() => parseNpy(bytes.subarray(0, end), 'x')).toThrowError(/SAMPLES_INVALID/);
    }
  });
});
