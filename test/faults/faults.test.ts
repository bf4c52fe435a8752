import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHashMemo } from '../../packages/unplugin-quantize/src/pipeline/cache/hash.ts';
import { distUrl, hasDist, runScript } from '../support/dist.ts';
import { models } from '../support/models.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'faults-')));
  copyFileSync(models.ocrDirection, join(root, 'm.onnx'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program that builds and tells its result; `extra` runs before it. */
const program = (options: object = {}, extra = '', cacheDir: string | false = 'cache'): string => `
  import { createPipeline } from ${JSON.stringify(distUrl('pipeline/index.js'))};
  import { resolveModelOptions } from ${JSON.stringify(distUrl('options.js'))};
  ${extra}
  const pipeline = createPipeline({ root: ${JSON.stringify(root)}, cacheDir: ${JSON.stringify(cacheDir)}, workers: 1 });
  const told = await pipeline.quantizeFile('m.onnx', resolveModelOptions({ targets: ['node'], ...${JSON.stringify(options)} })).then(
    ({ file, cached }) => ({ file, cached }), ({ code, model, hint, message }) => ({ code, model, hint, message }));
  await pipeline.close();
  console.log(JSON.stringify(told));`;

interface Told {
  file?: string;
  cached?: boolean;
  code?: string;
  model?: string;
  hint?: string;
}

async function build(options?: object, extra?: string): Promise<Told> {
  const { code, stdout, stderr } = await runScript(program(options, extra));
  // Node itself tells of a process that has no memory left.
  expect({ code, stderr: stderr.includes('heap out of memory') ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Told;
}

/** A samples module that does something in the process that runs models. */
const samples = (body: string): string => `export default async function* () { ${body} yield { x: { data: new Float32Array(3 * 48 * 192), dims: [1, 3, 48, 192] } }; }`;

describe.skipIf(!hasDist)('a build (needs the built package)', { timeout: 120_000 }, () => {
  it.each([
    ['is killed', 'process.kill(process.pid, "SIGKILL");'],
    ['exits', 'process.exit(7);'],
    ['takes all memory', 'const all = []; for (;;) all.push(new Array(1e7).fill(Math.random()));'],
  ])('whose process for models %s ends with one clear error', async (_, body) => {
    writeFileSync(join(root, 'samples.mjs'), samples(body));
    // Its own heap, so that the machine is not what runs out of memory.
    const told = await build({ calibration: './samples.mjs' }, "process.env.NODE_OPTIONS = '--max-old-space-size=200';");
    expect(told).toMatchObject({ code: 'WORKER_FAILED', model: 'm.onnx', hint: expect.stringContaining('memory') });
    expect(readdirSync(join(root, 'cache/locks'))).toEqual([]);
    expect(readdirSync(join(root, 'cache/tmp'))).toEqual([]);
    writeFileSync(join(root, 'samples.mjs'), samples(''));
    expect(await build({ calibration: './samples.mjs' })).toMatchObject({ file: expect.any(String) });
  });

  it('gives the same with a clock that was put back, and sees what changes then', async () => {
    const first = await build({ verify: false });
    const day = 24 * 60 * 60 * 1000;
    const earlier = `const now = Date.now; Date.now = () => now() - ${day};`;
    expect(await build({ verify: false }, earlier)).toEqual({ ...first, cached: true });
    copyFileSync(models.silero, join(root, 'm.onnx'));
    utimesSync(join(root, 'm.onnx'), new Date(Date.now() - day), new Date(Date.now() - day));
    const second = await build({ verify: false }, earlier);
    expect(second.cached).toBe(false);
    expect(second.file).not.toBe(first.file);
    expect(await build({ verify: false })).toEqual({ ...second, cached: true });
    copyFileSync(models.ocrDirection, join(root, 'm.onnx'));
    expect(await build({ verify: false })).toEqual({ ...first, cached: true });
  });

  it('trusts no note of a file that is younger than the clock says', async () => {
    const path = join(root, 'm.onnx');
    const memo = createHashMemo(join(root, 'hashes'), () => BigInt(Date.now() - 3_600_000) * 1_000_000n);
    const before = await memo.digest(path);
    expect(existsSync(join(root, 'hashes'))).toBe(false);
    writeFileSync(path, 'other');
    expect((await memo.digest(path)).sha256).not.toBe(before.sha256);
  });

  it('makes what a power cut left as zeros, or cut off, again', async () => {
    const first = await build();
    const bytes = readFileSync(first.file!);
    for (const damage of [Buffer.alloc(bytes.length), bytes.subarray(0, 1000), Buffer.alloc(0)]) {
      writeFileSync(first.file!, damage);
      for (const kind of ['measured', 'facts', 'canaries']) for (const name of readdirSync(join(root, 'cache', kind))) writeFileSync(join(root, 'cache', kind, name), Buffer.alloc(100));
      expect(await build()).toEqual({ ...first, cached: false });
      expect(readFileSync(first.file!).equals(bytes)).toBe(true);
    }
  });

  it.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that is interrupted by %s leaves no draft and no lock', async (signal) => {
    // The samples never end: the draft is there, and so is the lock.
    writeFileSync(join(root, 'samples.mjs'), samples('for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));'));
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program({ format: 'int8-static', calibration: './samples.mjs' })], { cwd: root, stdio: 'ignore' });
    const ended = new Promise<string | null>((resolve) => child.on('exit', (_, by) => resolve(by)));
    const names = (folder: string): string[] => (existsSync(join(root, 'cache', folder)) ? readdirSync(join(root, 'cache', folder)) : []);
    while (names('locks').length === 0 || names('tmp').length === 0) await sleep(20);
    child.kill(signal);
    expect(await ended).toBe(signal);
    expect([names('locks'), names('tmp')]).toEqual([[], []]);
  });

  it.skipIf(process.platform === 'win32')('without a cache that is interrupted leaves no temporary folder', async () => {
    writeFileSync(join(root, 'samples.mjs'), samples("(await import('node:fs')).writeFileSync('started', ''); for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));"));
    const temporary = join(root, 'tmp');
    mkdirSync(temporary);
    const code = program({ format: 'int8-static', calibration: './samples.mjs' }, '', false);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, stdio: 'ignore', env: { ...process.env, TMPDIR: temporary } });
    const ended = new Promise<string | null>((resolve) => child.on('exit', (_, by) => resolve(by)));
    while (!existsSync(join(root, 'started'))) await sleep(20);
    expect(readdirSync(temporary)).toHaveLength(1);
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('of a model that may not be read says so (skipped for root)', async () => {
    chmodSync(join(root, 'm.onnx'), 0);
    expect(await build()).toMatchObject({ code: 'MODEL_NOT_FOUND', model: 'm.onnx' });
  });
});
