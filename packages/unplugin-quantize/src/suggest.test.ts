import { describe, expect, it } from 'vitest';
import { closest, didYouMean, editDistance } from './suggest.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['fromat', 'format', 1],
    ['ca', 'abc', 3],
  ])('%s to %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('closest', () => {
  const words = ['format', 'block', 'budget', 'x'];

  it('finds the word behind a slip', () => {
    expect(closest('fromat', words)).toBe('format');
    expect(closest('BUDGETS', words)).toBe('budget');
    expect(closest('y', words)).toBe('x');
  });

  it('stays silent when nothing is near', () => {
    expect(closest('calibration', words)).toBeUndefined();
    expect(didYouMean('calibration', words)).toBe('Known: format, block, budget, x.');
    expect(didYouMean('blok', words)).toBe('Did you mean "block"?');
  });
});
