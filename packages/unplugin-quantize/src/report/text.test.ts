import { describe, expect, it } from 'vitest';
import { formatBytes, formatChange, formatCosine, formatShare } from './size.ts';
import { alignColumns, displayWidth } from './text.ts';

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1331, '1.33 kB'],
    [999_994, '999.99 kB'],
    [999_995, '1.00 MB'],
    [90_972_128, '90.97 MB'],
    [1_620_000_000, '1.62 GB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [100, 28, '−72.0 %'],
    [100, 100, '±0.0 %'],
    [100, 103.5, '+3.5 %'],
    [0, 5, ''],
  ])('from %d to %d is %s', (before, after, text) => {
    expect(formatChange(before, after)).toBe(text);
  });

  it.each([
    [1, '1'],
    [0.999, '0.9990'],
    [0.99919, '0.9991'],
    [0.99999, '0.999990'],
    [0.9999999, '0.99999990'],
    [0.57, '0.5700'],
    [0, '0.0000'],
    [-0.25, '-0.2500'],
  ])('a cosine of %d is %s', (cosine, text) => {
    expect(formatCosine(cosine)).toBe(text);
  });

  it('only everything is 100 %', () => {
    expect([1, 0.9999, 0.57, 0.984, 0].map(formatShare)).toEqual(['100.0 %', '99.9 %', '57.0 %', '98.4 %', '0.0 %']);
  });
});

describe('columns', () => {
  it('count what a terminal shows', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('模型')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(alignColumns([['模型', 'x'], ['abcde', 'y']])).toEqual(['模型   x', 'abcde  y']);
  });

  it('align to the right, drop empty columns, leave no space at the end', () => {
    expect(alignColumns([['a', '1', '', 'end'], ['bb', '22', '', '']], [1])).toEqual(['a    1  end', 'bb  22']);
    expect(alignColumns([])).toEqual([]);
  });
});
