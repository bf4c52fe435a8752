import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PipelineResult } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import { distUrl, hasDist, runNode, runScript } from '../support/dist.ts';
import { models } from '../support/models.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'processes-')));
  copyFileSync(models.ocrDirection, join(root, 'cls.onnx'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A program that quantizes a model and prints the result. It never closes the pipeline. */
const program = (cacheDir = 'cache', extra = ''): string => `
  import { createPipeline } from ${JSON.stringify(distUrl('pipeline/index.js'))};
  import { resolveModelOptions } from ${JSON.stringify(distUrl('options.js'))};
  const steps = [];
  const pipeline = createPipeline({ root: ${JSON.stringify(root)}, cacheDir: ${JSON.stringify(cacheDir)}, onProgress: (event) => event.kind === 'step' ? steps.push(event.step) : event.kind === 'warning' && process.emitWarning(event.message) });
  try {
    console.log(JSON.stringify({ ...await pipeline.quantizeFile('cls.onnx', resolveModelOptions({})), steps }));
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, hint: error.hint }));
  }
  ${extra}`;

const parse = (stdout: string): PipelineResult & { code?: string; hint?: string; steps?: string[] } => JSON.parse(stdout) as PipelineResult;

describe.skipIf(!hasDist)('processes (need the built package)', () => {
  it('that work at once on one cache all succeed, with the same result', async () => {
    const runs = await Promise.all(Array.from({ length: 8 }, () => runScript(program())));
    for (const { code, stderr } of runs) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const results = runs.map(({ stdout }) => ({ ...parse(stdout), cached: null, steps: null }));
    for (const result of results) expect(result).toEqual(results[0]);
    expect(readFileSync(results[0]!.file).byteLength).toBe(results[0]!.report.artefact.bytes);
    expect(readdirSync(join(root, 'cache/tmp'))).toEqual([]);
    expect(readdirSync(join(root, 'cache/locks'))).toEqual([]);
    expect(readdirSync(join(root, 'cache/artefacts'))).toHaveLength(1);
    // One of them did the work.
    expect(runs.filter(({ stdout }) => parse(stdout).steps?.includes('quantize'))).toHaveLength(1);
    expect(parse((await runScript(program())).stdout).cached).toBe(true);
  });

  it('with caches of their own make the same bytes', async () => {
    const [one, two] = await Promise.all(['one', 'two'].map(async (cache) => parse((await runScript(program(cache))).stdout)));
    expect(one!.file).not.toBe(two!.file);
    expect(one!.report).toEqual(two!.report);
    expect(readFileSync(one!.file).equals(readFileSync(two!.file))).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')('load no engine themselves (needs /proc)', async () => {
    const look = (when: string): string => `${when}; console.error(/onnxruntime/.test((await import('node:fs')).readFileSync('/proc/self/maps', 'utf8')));`;
    expect((await runScript(program('cache', look('')))).stderr).toBe('false\n');
    // The look itself finds an engine that is there.
    expect((await runScript(look(`await import(${JSON.stringify(import.meta.resolve('onnxruntime-node'))})`))).stderr).toBe('true\n');
  });

  it('end although workers are idle', async () => {
    // Workers are kept for 5 s: had the process waited for them, the timer would have fired.
    const watch = 'let late = false; setTimeout(() => (late = true), 4000).unref(); process.once("beforeExit", () => console.error(late));';
    const { stderr } = await runScript(program('cache', watch));
    expect(stderr).toBe('false\n');
  });

  it('remove a temporary cache when they end without closing', async () => {
    writeFileSync(join(root, 'file'), '');
    const { stdout, stderr } = await runScript(program('file/cache'));
    const { file, report } = parse(stdout);
    expect(report.artefact.bytes).toBeGreaterThan(0);
    expect(existsSync(file)).toBe(false);
    expect(stderr.match(/cannot be written/g)).toHaveLength(1);
  });
});

/** A file system of its own with little room; making one needs root and a kernel that allows it. */
function mountSmall(folder: string, options: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const canMount = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'mount-'));
  const mounted = mountSmall(folder, 'size=64k');
  if (mounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
})();

describe.skipIf(!hasDist || !canMount)('a small disk (needs the built package, Linux and root)', () => {
  let disk: string;
  afterEach(() => {
    execFileSync('umount', [disk]);
  });

  it('that is full is one clear error, and nothing is left on it', async () => {
    disk = join(root, 'disk');
    mountSmall(disk, 'size=128k');
    const result = parse((await runScript(program('disk'))).stdout);
    expect(result).toMatchObject({ code: 'WRITE_FAILED', hint: expect.stringContaining('disk is full') });
    expect(readdirSync(join(disk, 'tmp'))).toEqual([]);
    expect(existsSync(join(disk, 'artefacts'))).toBe(false);
  });

  it('that is full leaves no output of the command line', async () => {
    disk = join(root, 'disk');
    mountSmall(disk, 'size=128k');
    const { code, stderr } = await runNode([join(new URL(distUrl('cli/main.js')).pathname), 'quantize', join(root, 'cls.onnx'), '-o', join(disk, 'out.onnx'), '--no-verify']);
    expect({ code, error: stderr.includes('WRITE_FAILED') }).toEqual({ code: 2, error: true });
    expect(readdirSync(disk)).toEqual([]);
  });

  it('that is read-only still gives its hits, and misses go elsewhere', async () => {
    disk = join(root, 'disk');
    mountSmall(disk, 'size=8m');
    const filled = parse((await runScript(program('disk'))).stdout);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const { stdout, stderr } = await runScript(program('disk'));
    expect(parse(stdout)).toEqual({ ...filled, cached: true, steps: [] });
    expect(stderr.match(/cannot be written/g)).toHaveLength(1);
  });
});
