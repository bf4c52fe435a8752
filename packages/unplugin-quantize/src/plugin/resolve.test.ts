import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuantizeError } from '../errors.ts';
import { resolveModel, type ResolveHost } from './resolve.ts';

let root: string;
let host: ResolveHost;

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'resolve-')));
  for (const path of ['a.onnx', 'app/src/a.onnx', 'app/models/b.onnx', 'node_modules/pkg/assets/c.onnx', 'app/node_modules/@scope/pkg/d.onnx', 'store/linked/e.onnx', "app/src/ü '#%.onnx"]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  symlinkSync(join(root, 'store/linked'), join(root, 'node_modules/linked'), 'junction');
  host = { root: join(root, 'app'), rootRelative: true, resolve: async () => undefined };
});

afterAll(() => rmSync(root, { recursive: true }));

const resolveIn = (specifier: string, importer?: string, own: Partial<ResolveHost> = {}): Promise<string> => resolveModel(specifier, importer && join(root, importer), { ...host, ...own });

describe('resolveModel', () => {
  it.each([
    ['./a.onnx', 'app/src/main.ts', 'app/src/a.onnx'],
    ['./a.onnx', 'app/src/App.vue?vue&type=script', 'app/src/a.onnx'],
    ['../../a.onnx', 'app/src/main.ts', 'a.onnx'],
    ["./ü '#%.onnx", 'app/src/main.ts', "app/src/ü '#%.onnx"],
    ['./models/b.onnx', undefined, 'app/models/b.onnx'],
    ['/models/b.onnx', 'app/src/main.ts', 'app/models/b.onnx'],
    ['pkg/assets/c.onnx', 'app/src/main.ts', 'node_modules/pkg/assets/c.onnx'],
    ['@scope/pkg/d.onnx', 'app/src/main.ts', 'app/node_modules/@scope/pkg/d.onnx'],
    ['linked/e.onnx', 'app/src/main.ts', 'store/linked/e.onnx'],
  ])('finds %s from %s', async (specifier, importer, found) => {
    expect(await resolveIn(specifier, importer)).toBe(join(root, found).replaceAll('\\', '/'));
  });

  it('takes absolute paths, with the prefix of the dev server too', async () => {
    const path = join(root, 'a.onnx').replaceAll('\\', '/');
    expect(await resolveIn(path, 'app/src/main.ts')).toBe(path);
    expect(await resolveIn(`/@fs/${path.replace(/^\//, '')}`, 'app/src/main.ts')).toBe(path);
    expect(await resolveIn(path, undefined, { rootRelative: false })).toBe(path);
  });

  it('asks the bundler before it looks into node_modules', async () => {
    const asked: unknown[] = [];
    const resolve = async (specifier: string, importer: string | undefined): Promise<string> => {
      asked.push(specifier, importer);
      return `${join(root, 'a.onnx')}?v=1`;
    };
    expect(await resolveIn('pkg/assets/c.onnx', 'app/src/main.ts', { resolve })).toBe(join(root, 'a.onnx').replaceAll('\\', '/'));
    expect(asked).toEqual(['pkg/assets/c.onnx', join(root, 'app/src/main.ts')]);
  });

  it('goes on where the bundler refuses, or gives what is no file', async () => {
    const found = join(root, 'node_modules/pkg/assets/c.onnx').replaceAll('\\', '/');
    const refuse = (): Promise<string> => Promise.reject(new Error('Missing "./assets/c.onnx" specifier'));
    expect(await resolveIn('pkg/assets/c.onnx', 'app/src/main.ts', { resolve: refuse })).toBe(found);
    expect(await resolveIn('pkg/assets/c.onnx', 'app/src/main.ts', { resolve: async () => join(root, 'app') })).toBe(found);
  });

  it.each(['./none.onnx', '/none.onnx', 'pkg/none.onnx', './src'])('names importer and places for %s', async (specifier) => {
    const error = await resolveIn(specifier, 'app/main.ts?v=1').then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QuantizeError);
    expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const { message } = error as QuantizeError;
    expect(message).toContain(`"${specifier}", imported by ${join(root, 'app/main.ts')}.`);
    expect(message).toContain(`Looked at ${join(root, 'app')}`);
  });

  it('tells where a missing file is waited for', async () => {
    const waited: string[] = [];
    const missing = (paths: readonly string[]): void => void waited.push(...paths);
    await expect(resolveIn('./late.onnx', 'app/src/main.ts', { missing })).rejects.toThrow('MODEL_NOT_FOUND');
    expect(waited).toEqual([join(root, 'app/src/late.onnx').replaceAll('\\', '/')]);
    await resolveIn('./a.onnx', 'app/src/main.ts', { missing });
    expect(waited).toHaveLength(1);
  });

  it('keeps what the bundler said', async () => {
    const cause = new Error('not exported');
    await expect(resolveIn('pkg/none.onnx', 'app/main.ts', { resolve: () => Promise.reject(cause) })).rejects.toMatchObject({ cause });
  });
});
