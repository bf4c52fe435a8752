import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStorage } from '../../packages/unplugin-quantize/src/pipeline/remote/open-storage.ts';
import { remotePlace } from '../../packages/unplugin-quantize/src/pipeline/remote/place.ts';
import { distFolder, hasDist, runScript, type ProgramResult } from '../support/dist.ts';
import { startHttpStorage } from '../support/storage-servers.ts';
import { tinyModel } from '../support/tiny-model.ts';

let root: string;
beforeEach(() => void (root = realpathSync(mkdtempSync(join(tmpdir(), 'packages-')))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Installs the package in a folder with all that it depends on, but for some packages. */
function install(without: string[]): string {
  const folder = join(root, 'package');
  cpSync(distFolder, join(folder, 'dist'), { recursive: true });
  cpSync(join(dirname(distFolder), 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  const modules = join(dirname(distFolder), 'node_modules');
  for (const name of readdirSync(modules).filter((each) => !each.startsWith('.') && !without.includes(each))) symlinkSync(realpathSync(join(modules, name)), join(folder, 'node_modules', name));
  return pathToFileURL(join(folder, 'dist')).href;
}

function build(dist: string, remote: string): Promise<ProgramResult> {
  writeFileSync(join(root, 'model.onnx'), tinyModel(3));
  return runScript(`
    import { createPipeline } from '${dist}/pipeline/index.js';
    import { resolveModelOptions } from '${dist}/options.js';
    const pipeline = createPipeline({ root: ${JSON.stringify(root)}, cacheDir: 'cache', remote: ${JSON.stringify(remote)}, onProgress: () => undefined });
    try {
      const { report } = await pipeline.quantizeFile('model.onnx', resolveModelOptions({ verify: false }));
      console.log(report.format);
    } catch (error) {
      console.log(error.code, error.hint);
    } finally {
      await pipeline.close();
    }
  `);
}

describe.skipIf(!hasDist)('packages of the shared cache (needs the built package)', () => {
  it.each([
    ['redis://127.0.0.1:1', ['ioredis'], 'Run npm install -D unstorage ioredis.'],
    ['shared', ['unstorage'], 'Run npm install -D unstorage.'],
  ])('are asked for by name where %s needs them', async (remote, without, hint) => {
    expect(await build(install(without), remote)).toMatchObject({ code: 0, stdout: `STORAGE_MISSING ${hint}\n`, stderr: '' });
  });

  it('are not needed where nobody shares', async () => {
    const dist = install(['unstorage', 'ioredis', 'aws4fetch']);
    writeFileSync(join(root, 'model.onnx'), tinyModel(3));
    expect(await build(dist, false as never)).toMatchObject({ code: 0, stdout: 'int8\n', stderr: '' });
  });
});

describe('temporary credentials of S3', () => {
  it('are sent with their token', async () => {
    const tokens: (string | string[] | undefined)[] = [];
    const server = await startHttpStorage(({ headers }) => {
      tokens.push(headers['x-amz-security-token']);
      return false;
    });
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'the token' };
    const storage = await openStorage(remotePlace(`s3://models?endpoint=http://127.0.0.1:${server.port}`, '/', env)!);
    expect(await storage.get('some:key')).toBeNull();
    expect(tokens).toEqual(['the token']);
    expect(server.requests[0]).toMatchObject({ path: '/models/some/key', authorization: expect.stringContaining('x-amz-security-token') });
    await storage.close();
    await server.close();
  });
});
