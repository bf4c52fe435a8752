import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { sha256, startHttpStorage, type HttpStorage } from '../support/storage-servers.ts';
import { tinyModel } from '../support/tiny-model.ts';

let root: string;
let server: HttpStorage;
let address: string;
beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'command-')));
  writeFileSync(join(root, 'model.onnx'), tinyModel(2));
  server = await startHttpStorage();
  address = `http://127.0.0.1:${server.port}/cache`;
});
afterEach(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const quantize = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> => runNode([join(distFolder, 'cli/main.js'), 'quantize', 'model.onnx', ...args], { cwd: root, env: { ...process.env, ...env } });
const made = (name: string): string => sha256(readFileSync(join(root, name)));

describe.skipIf(!hasDist)('quantize with a cache (needs the built package)', () => {
  it('takes from the shared one what another machine made, with the same bytes and figures', async () => {
    const alone = await quantize(['-o', 'alone.onnx', '--json', 'alone.json']);
    expect(alone).toMatchObject({ code: 0, stderr: '' });
    const first = await quantize(['-o', 'first.onnx', '--remote-cache', address, '--json', 'first.json']);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('0 results found, 4 not, 4 put there') });
    const second = await quantize(['-o', 'second.onnx', '--json', 'second.json'], { UNPLUGIN_QUANTIZE_REMOTE_CACHE: address });
    expect(second).toMatchObject({ code: 0, stdout: first.stdout.replace('first.onnx', 'second.onnx'), stderr: expect.stringContaining('4 results found, 0 not, 0 put there') });
    expect([made('first.onnx'), made('second.onnx')]).toEqual([made('alone.onnx'), made('alone.onnx')]);
    expect([made('first.json'), made('second.json')]).toEqual([made('alone.json'), made('alone.json')]);
  });

  it('keeps results in a folder, and fails for a broken budget without an output', async () => {
    expect(await quantize(['-o', 'out.onnx', '--cache', 'kept', '--ratio', '0.01'])).toMatchObject({ code: 1, stderr: expect.stringContaining('BUDGET_BROKEN'), stdout: expect.stringContaining('model.onnx') });
    expect(() => made('out.onnx')).toThrow('ENOENT');
    expect(await quantize(['-o', 'out.onnx', '--cache', 'kept'])).toMatchObject({ code: 0, stderr: '' });
    expect(made('out.onnx')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('refuses credentials, and what a cache does not keep', async () => {
    const secret = await quantize(['-o', 'out.onnx', '--remote-cache', 'redis://me:hidden@127.0.0.1']);
    expect(secret).toMatchObject({ code: 2, stderr: expect.stringContaining('UNPLUGIN_QUANTIZE_REDIS_PASSWORD') });
    expect(secret.stderr).not.toContain('hidden');
    expect(await quantize(['-o', 'out.onnx', '--cache', 'kept', '--external-data'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--external-data') });
  });
});
