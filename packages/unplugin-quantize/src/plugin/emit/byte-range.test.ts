import { expect, it } from 'vitest';
import { matchesEtag, parseRange } from './byte-range.ts';

it.each([
  ['bytes=0-0', { start: 0, end: 0 }],
  ['bytes=2-5', { start: 2, end: 5 }],
  ['bytes=7-', { start: 7, end: 9 }],
  ['bytes=7-99', { start: 7, end: 9 }],
  ['bytes=-3', { start: 7, end: 9 }],
  ['bytes=-99', { start: 0, end: 9 }],
  ['bytes=10-', null],
  ['bytes=10-12', null],
  ['bytes=-0', null],
  ['bytes=5-2', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,4-5', undefined],
  ['lines=0-1', undefined],
  ['bytes=1e1-', undefined],
  [undefined, undefined],
])('of 10 bytes, %s is %o', (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

it('finds an entity tag in a list', () => {
  expect(['"a"', 'W/"a"', '"b", "a"', '*'].map((header) => matchesEtag(header, '"a"'))).toEqual([true, true, true, true]);
  expect([undefined, '', '"b"', 'a'].map((header) => matchesEtag(header, '"a"'))).toEqual([false, false, false, false]);
});
