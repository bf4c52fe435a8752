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

  it.each([[/head$/, 'lm_head', true], [/head$/, 'lm_head.weight', false], [/HEAD/i, 'lm_head', true], [/^l.m/, 'lm', false]])('%s and %j: %s', (pattern, name, matches) => {
    expect(nameMatcher([pattern])(name)).toBe(matches);
  });

  it('does not remember where an expression found something', () => {
    for (const pattern of [/a/g, /a/y]) {
      const matcher = nameMatcher([pattern]);
      expect([matcher('aba'), matcher('aba'), matcher('aba'), pattern.lastIndex]).toEqual([true, true, true, 0]);
    }
  });

  it('takes any of several patterns, and none of no pattern', () => {
    const matcher = nameMatcher(['a*', 'b']);
    expect(['ab', 'b', 'bb'].map(matcher)).toEqual([true, true, false]);
    expect(nameMatcher([])('')).toBe(false);
  });
});
