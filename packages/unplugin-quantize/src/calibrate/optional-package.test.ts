import { expect, it } from 'vitest';
import { loadOptional } from './optional-package.ts';

it('gives what the package exports', async () => {
  expect(await loadOptional('node:path', 'Paths', () => import('node:path'))).toHaveProperty('join');
});

it('says what to install when a package is not there', async () => {
  const absent = 'package-that-is-not-there';
  await expect(loadOptional(absent, 'Images', () => import(absent))).rejects.toMatchObject({
    code: 'READER_MISSING',
    what: expect.stringMatching(/^Images are read with the package "package-that-is-not-there", which could not be loaded: .*package-that-is-not-there/) as string,
    hint: 'Run npm install -D package-that-is-not-there.',
  });
});
