import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFiles } from './find-files.ts';
import { locateSamples } from './locate.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), '[find] '));
  for (const name of ['p/b.jpg', 'p/B.JPG', 'p/a/z.jpg', 'p/a/y.png', 'p/a/notes.txt', 'p/.hidden/h.jpg', 'p/.h.jpg', 'p/node_modules/m.jpg', 'p/é.jpg', 'q/a.jpg', 'x{1}.jpg']) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '');
  }
  symlinkSync(join(root, 'p'), join(root, 'p/a/loop'));
  symlinkSync(join(root, 'q'), join(root, 'p/linked'));
  symlinkSync(join(root, 'nowhere'), join(root, 'p/broken.jpg'));
});
afterAll(() => rmSync(root, { recursive: true }));

const find = async (images: string | string[]): Promise<string[]> => (await findFiles(locateSamples({ images }, root).at, ['.jpg', '.png'], 'images')).map(({ name }) => name);

describe('findFiles', () => {
  it.each<[string | string[], string[]]>([
    ['p', ['B.JPG', 'a/y.png', 'a/z.jpg', 'b.jpg', 'linked/a.jpg', 'é.jpg']],
    ['p/', ['B.JPG', 'a/y.png', 'a/z.jpg', 'b.jpg', 'linked/a.jpg', 'é.jpg']],
    ['p/*.jpg', ['b.jpg', 'é.jpg']],
    ['p/**/*.{jpg,txt}', ['a/notes.txt', 'a/z.jpg', 'b.jpg', 'linked/a.jpg', 'é.jpg']],
    ['p/.*/*', ['.hidden/h.jpg']],
    ['p/a/notes.txt', ['notes.txt']],
    ['x{1}.jpg', ['x{1}.jpg']],
    [['q', 'p/*.jpg', 'q/a.jpg'], ['0/a.jpg', '1/b.jpg', '1/é.jpg']],
  ])('%s', async (pattern, names) => expect(await find(pattern)).toEqual(names));

  it.each([
    ['none', /no such file or folder of samples.*\n.*none/],
    ['none/*.jpg', /no such file or folder/],
    ['p/a/y.png/x', /no such file or folder/],
    ['p/*.gif', /No file fits the pattern: looked for \*\.gif below .*p\. .*\n.*option: p\/\*\.gif/],
    ['p/a/notes.txt/*', /No file fits/],
  ])('says what was looked for: %s', async (pattern, message) => {
    await expect(find(pattern)).rejects.toMatchObject({ code: 'SAMPLES_NOT_FOUND', message: expect.stringMatching(message) as string });
  });

  it('leaves settings out of folders', async () => {
    writeFileSync(join(root, 'q/tokenizer.json'), '{}');
    expect((await findFiles(locateSamples('q', root).at, ['.json', '.jpg'], 'samples')).map(({ name }) => name)).toEqual(['a.jpg']);
    expect((await findFiles(locateSamples('q/*.json', root).at, [], 'samples')).map(({ name }) => name)).toEqual(['tokenizer.json']);
  });

  it('says which endings a folder lacks', async () => {
    await expect(findFiles(locateSamples('q', root).at, ['.wav'], 'clips')).rejects.toThrowError(/no clips in the folder: no file ends in \.wav/);
  });
});
