import { describe, expect, it } from 'vitest';
import { nameMatcher } from './match-names.ts';

describe('nameMatcher', () => {
  it.each([
    ['lm_head', 'lm_head', true], ['lm_head', 'lm_head.weight', false], ['lm_head*', 'lm_head', true], ['lm_head*', '/lm_head/MatMul', false],
    ['*', '', true], ['/encoder/layer.0/*', '/encoder/layer.0/MatMul', true], ['/encoder/layer.0/*', '/encoder/layerX0/MatMul', false],
    ['a*c*e', 'abcde', true], ['a*c*e', 'ace', true], ['a*c*e', 'aec', false], ['*weight', 'a\nweight', true],
    ['w[0]', 'w[0]', true], ['w[0]', 'w0', false], ['a+b', 'a+b', true], ['a+b', 'aab', false], ['(x|y)', 'x', false], ['$^.\\', '$^.\\', true], ['', '', true], ['', 'a', false],
  ])('%j and %j: %s', (pattern, name, matches) => {
    expect(nameMatcher([pattern])(name)).toBe(matches);
  });

  it('takes any of several patterns, and none of no pattern', () => {
    const matcher = nameMatcher(['a*', 'b']);
    expect(['ab', 'b', 'bb'].map(matcher)).toEqual([true, true, false]);
    expect(nameMatcher([])('')).toBe(false);
  });
});
