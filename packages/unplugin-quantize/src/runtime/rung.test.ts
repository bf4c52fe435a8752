import { describe, expect, it } from 'vitest';
import { isOlder } from './rung.ts';

describe('isOlder', () => {
  it.each([
    ['1.9.0', '1.17.0', true],
    ['1.17.0', '1.17.0', false],
    ['1.30.0-dev.20260101', '1.30.0', false],
    ['2.0.0', '1.30.1', false],
    ['1.17', '1.17.1', true],
  ])('%s before %s: %s', (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });
});
