import { describe, expect, it } from 'vitest';
import { stringLiterals } from './string-literals.ts';

const values = (code: string): string[] => stringLiterals(code).map(({ value }) => value);

describe('stringLiterals', () => {
  it.each<[string, string[]]>([
    [`a('x', "y", \`z\`)`, ['x', 'y', 'z']],
    [`'it\\'s' + "\\"q\\""`, ["it's", '"q"']],
    [`// 'a'\n'b' /* 'c'\n'd' */ 'e'`, ['b', 'e']],
    ["`a${'b'}c` + 'd'", ['b', 'd']],
    ["`${{ a: { b: 'x' } }}${`y`}` + 'z'", ['x', 'y', 'z']],
    [`const r = /['"\`]/g; 'a'`, ['a']],
    [`return /[/'"]/.test('a')`, ['a']],
    [`a / 'b' / "c"`, ['b', 'c']],
    [`f(x) / 2; 'a' / 3`, ['a']],
    ["<p title='t'>don't</p>\n'a'", ['t', 'a']],
    ["<b>it's</b>; x = 'a'\n'b'", ['s</b>; x = ', 'b']],
    [`'unclosed\n'a'`, ['a']],
    ['`unclosed ${', []],
    [`a as unknown as string; type A = 'b' | "c"`, ['b', 'c']],
    ['', []],
  ])('%s', (code, wanted) => expect(values(code)).toEqual(wanted));

  it('gives places', () => {
    const code = "x('abc', `d`)";
    for (const { start, end, value } of stringLiterals(code)) expect(code.slice(start + 1, end - 1)).toBe(value);
  });
});
