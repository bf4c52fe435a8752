import { describe, expect, it } from 'vitest';
import { globExpression, splitPattern } from './glob.ts';

describe('splitPattern', () => {
  it.each([
    ['photos/a.jpg', 'photos/a.jpg', undefined],
    ['./photos/**/*.jpg', './photos', '**/*.jpg'],
    ['*.png', '.', '*.png'],
    ['/*.png', '/', '*.png'],
    ['/data/{a,b}/x.png', '/data', '{a,b}/x.png'],
    ['../[ab]/x', '..', '[ab]/x'],
  ])('%s', (pattern, base, rest) => expect(splitPattern(pattern, false)).toEqual({ base, rest }));

  it('takes backslashes for separators on Windows only', () => {
    expect(splitPattern('photos\\cats\\*.jpg', true)).toEqual({ base: 'photos/cats', rest: '*.jpg' });
    expect(splitPattern('a\\b*', false)).toEqual({ base: '.', rest: 'a\\b*' });
  });
});

describe('globExpression', () => {
  it.each<[string, string[], string[]]>([
    ['*.jpg', ['a.jpg', 'ü 1.jpg'], ['b/a.jpg', '.a.jpg', 'a.jpgx', 'ajpg']],
    ['**/*.jpg', ['a.jpg', 'b/a.jpg', 'b/c/a.jpg'], ['.b/a.jpg', 'b/.a.jpg', 'a.png']],
    ['**', ['a', 'a/b.c'], ['.a', 'a/.b']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb']],
    ['?.png', ['a.png', '🙂.png'], ['ab.png', '/.png']],
    ['[a-c]?.png', ['a1.png', 'c1.png'], ['d1.png', 'a.png']],
    ['[!a]*', ['b', 'bc'], ['a', 'ab', '.b']],
    ['.*', ['.a'], ['a']],
    ['*.{jpg,jp{e,2}g,png}', ['a.jpg', 'a.jpeg', 'a.jp2g', 'a.png'], ['a.gif', 'a.jpg,']],
    ['{a,b}/{c,d}.x', ['a/c.x', 'b/d.x'], ['a/e.x']],
    ['a{b}', ['a{b}'], ['ab']],
    ['a{b', ['a{b'], ['ab']],
    ['a+(b).x$|y', ['a+(b).x$|y'], ['aab.x', 'y']],
    ['[]*', ['[]x'], ['x']],
    ['*[\\d].x', ['a\\.x', 'ad.x'], ['a1.x']],
  ])('%s', (pattern, fitting, others) => {
    const expression = globExpression(pattern);
    for (const path of fitting) expect(path).toMatch(expression);
    for (const path of others) expect(path).not.toMatch(expression);
  });
});
