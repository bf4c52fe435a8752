import { describe, expect, it } from 'vitest';
import { drawnPixels, fromBase64, sampleReference } from '../../../../../test/support/sample-reference.ts';
import { fitImage } from './fit.ts';
import { toColors } from './pixels.ts';
import { resample } from './resample.ts';
import { valueTables } from './values.ts';

const drawn = (width: number, height: number) => ({ width, height, channels: 3, data: drawnPixels(width, height) });

describe('resample', () => {
  it.each(sampleReference.resampled)('gives the bytes of Pillow: $filter to $width x $height', ({ filter, width, height, data }) => {
    const found = resample(drawn(23, 17), width, height, filter);
    expect(found).toMatchObject({ width, height, channels: 3 });
    expect(Buffer.compare(found.data, fromBase64(data))).toBe(0);
  });

  it.each(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const)('keeps a flat image flat: %s', (filter) => {
    const flat = { width: 7, height: 5, channels: 1, data: new Uint8Array(35).fill(255) };
    for (const [width, height] of [[3, 2], [14, 15], [50, 1]] as const) expect(new Set(resample(flat, width, height, filter).data)).toEqual(new Set([255]));
  });
});

describe('fitImage', () => {
  it.each(sampleReference.fitted)('gives the bytes of Pillow: $image, $options', ({ image: [width, height], options, data }) => {
    const { size, resize, fit = 'crop', pad = 0, colors = 'rgb' } = options as { size?: number | [number, number]; resize?: number; fit?: 'crop' | 'letterbox'; pad?: number; colors?: 'rgb' | 'gray' };
    const target = size === undefined ? ([null, null] as const) : typeof size === 'number' ? ([size, size] as const) : size;
    const found = fitImage(toColors(drawn(width, height), colors), { target, resize, fit, pad: [pad, pad, pad], filter: 'bilinear' });
    expect(Buffer.compare(found.data, fromBase64(data))).toBe(0);
  });

  const fit = (options: Partial<Parameters<typeof fitImage>[1]>) => fitImage(drawn(23, 17), { target: [null, null], fit: 'crop', resize: undefined, filter: 'bilinear', pad: [0, 0, 0], ...options });

  it('keeps proportions where a side is free', () => {
    expect(fit({})).toMatchObject({ width: 23, height: 17 });
    expect(fit({ target: [34, null] })).toMatchObject({ width: 46, height: 34 });
    expect(fit({ target: [null, 5] })).toMatchObject({ width: 5, height: 3 });
    expect(fit({ resize: 8 })).toMatchObject({ width: 10, height: 8 });
  });

  it('covers inputs of other proportions from the middle', () => {
    expect(fit({ target: [9, 20] })).toMatchObject({ width: 20, height: 9 });
    expect(fit({ target: [20, 9] })).toMatchObject({ width: 9, height: 20 });
    // The middle 3 columns of 23, from column 10 on.
    const column = fit({ target: [17, 3] });
    expect([...column.data.subarray(0, 9)]).toEqual([...drawnPixels(23, 17).subarray(30, 39)]);
  });

  it('refuses to crop more than there is', () => {
    expect(() => fit({ target: [12, 12], resize: 8 })).toThrowError(/resized to 10 x 8, which is less than the 12 x 12/);
  });
});

describe('toColors', () => {
  it.each([
    ['rgb', 1, [7], [7, 7, 7]],
    ['rgb', 2, [7, 99], [7, 7, 7]],
    ['rgb', 4, [1, 2, 3, 99], [1, 2, 3]],
    ['bgr', 3, [1, 2, 3], [3, 2, 1]],
    ['gray', 1, [200], [200]],
    ['gray', 3, [255, 255, 255], [255]],
  ] as const)('%s of %i channels', (order, channels, pixel, expected) => {
    expect([...toColors({ width: 1, height: 1, channels, data: Uint8Array.from(pixel) }, order).data]).toEqual(expected);
  });
});

describe('valueTables', () => {
  it('gives the float32 values of numpy', () => {
    const expected = new Float32Array(fromBase64(sampleReference.normalized).buffer);
    const tables = valueTables('float32', { scale: undefined, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
    expect(tables.flatMap((table) => [...(table as Float32Array)])).toEqual([...expected]);
  });

  it('leaves bytes alone and shifts them into int8, rounding and saturating', () => {
    expect([...(valueTables('uint8', { scale: undefined, mean: [0], std: [1] })[0] as Uint8Array)]).toEqual(Array.from({ length: 256 }, (_, i) => i));
    const [shifted] = valueTables('int8', { scale: undefined, mean: [128], std: [1] }) as [Int8Array];
    expect([shifted[0], shifted[128], shifted[255]]).toEqual([-128, 0, 127]);
    const [halves] = valueTables('int8', { scale: undefined, mean: [0], std: [2] }) as [Int8Array];
    expect([halves[1], halves[3], halves[5], halves[255]]).toEqual([0, 2, 2, 127]);
  });

  it('rounds to half precision', () => {
    // 1/255 is 0x1c04 in binary16: 2^-8 (1 + 4/1024) = 0.0039215087890625.
    expect((valueTables('float16', { scale: undefined, mean: [0], std: [1] })[0] as Uint16Array)[1]).toBe(0x1c04);
    expect((valueTables('float32', { scale: 2 / 255, mean: [1], std: [1] })[0] as Float32Array)[255]).toBe(1);
  });
});
