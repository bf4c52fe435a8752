import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { movedUrl, publishedFolders } from './moved-output.ts';

const root = mkdtempSync(join(tmpdir(), 'moved é %20 '));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('publishedFolders', () => {
  it('has none where the output stays as it is', () => expect(publishedFolders(['vite:css', 'react-router'], '/')).toEqual([]));
  it('knows the base', () => expect(publishedFolders(['vite-plugin-sveltekit-setup', 'vite-plugin-sveltekit-compile'], '/shop/')).toEqual(['client/', 'client/shop/']));
  it.each(['./', '/', '', 'https://cdn.example/x/'])('takes %s for no folder', (base) => expect(publishedFolders(['nuxt:composable-keys'], base)).toEqual(['public/']));
});

describe('movedUrl', () => {
  const fileName = 'assets/a b%c.onnx';
  let count = 0;

  /** The URL that a module finds, of an app with these files. */
  async function find(modulePath: string, files: readonly string[], folders = ['client/', 'client/shop/']): Promise<{ url: string; app: string }> {
    const app = join(root, String(count++));
    const path = join(app, modulePath);
    for (const file of [...files.map((name) => join(app, name)), path]) mkdirSync(dirname(file), { recursive: true });
    for (const file of files) writeFileSync(join(app, file), '');
    writeFileSync(path, `export default ${movedUrl('"../assets/a%20b%25c.onnx"', fileName, folders)};`);
    const { default: url } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default: string };
    return { url, app };
  }

  it.each([
    ['beside the module', 'server/chunks/m.mjs', ['server/assets/a b%c.onnx', 'client/assets/a b%c.onnx'], 'server/assets/a b%c.onnx'],
    ['among the client’s files, at any depth', 'server/chunks/routes/deep/m.mjs', ['client/assets/a b%c.onnx'], 'client/assets/a b%c.onnx'],
    ['below the base', 'server/chunks/m.mjs', ['client/shop/assets/a b%c.onnx'], 'client/shop/assets/a b%c.onnx'],
    ['beside the module where it is nowhere, for the error to say', 'server/chunks/m.mjs', [], 'server/assets/a b%c.onnx'],
  ])('finds the file %s', async (_, modulePath, files, expected) => {
    const { url, app } = await find(modulePath, files);
    expect(url).toBe(pathToFileURL(join(app, expected)).href);
  });
});
