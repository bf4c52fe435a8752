import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { makeProject } from './support.ts';

const require = createRequire(import.meta.url);
const bin = (name: string, path: string): string => join(dirname(require.resolve(`${name}/package.json`)), path);

/** `script` of util-linux gives a program a terminal. */
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

const OPTIONS = '{ verify: false, targets: ["node"] }';
const COMPILER = (bundler: string, level: string): string => `
  import bundler from '${bundler}'; import quantize from 'unplugin-quantize/${bundler === 'webpack' ? 'webpack' : 'rspack'}';
  const compiler = bundler({ mode: 'production', entry: './main.js', infrastructureLogging: { level: '${level}' }, plugins: [quantize(${OPTIONS})] });
  compiler.run(() => compiler.close(() => undefined));`;
const CONFIG = (bundler: string, more = ''): string => `import quantize from 'unplugin-quantize/${bundler}'; export default { ${more} plugins: [quantize(${OPTIONS})] };`;

/** How each bundler is told to be quiet. */
const BUNDLERS: Record<string, (isQuiet: boolean) => { files: Record<string, string>; args: string[] }> = {
  vite: (isQuiet) => ({ files: { 'vite.config.js': CONFIG('vite', 'build: { rollupOptions: { input: "main.js" } },') }, args: [bin('vite', 'bin/vite.js'), 'build', '--logLevel', isQuiet ? 'warn' : 'info'] }),
  rollup: (isQuiet) => ({ files: { 'rollup.config.js': CONFIG('rollup', `input: "main.js", output: { dir: "dist" }, logLevel: "${isQuiet ? 'silent' : 'info'}",`) }, args: [bin('rollup', 'dist/bin/rollup'), '-c'] }),
  webpack: (isQuiet) => ({ files: { 'build.js': COMPILER('webpack', isQuiet ? 'warn' : 'info') }, args: ['build.js'] }),
  rspack: (isQuiet) => ({ files: { 'build.js': COMPILER('@rspack/core', isQuiet ? 'warn' : 'info') }, args: ['build.js'] }),
  esbuild: (isQuiet) => ({
    files: { 'build.js': `import { build } from 'esbuild'; import quantize from 'unplugin-quantize/esbuild'; await build({ entryPoints: ['main.js'], bundle: true, outdir: 'dist', logLevel: '${isQuiet ? 'warning' : 'info'}', plugins: [quantize(${OPTIONS})] });` },
    args: ['build.js'],
  }),
};

const LINE = '\x1b[2K\rm.onnx: quantizing';

function project(files: Record<string, string>): string {
  return makeProject({ 'main.js': "import model from './m.onnx?quantize'; console.log(model);", ...files }, { 'm.onnx': 'ocrDirection' });
}

const environment = (): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(process.env).filter(([name]) => !['CI', 'VITEST', 'NODE_ENV', 'NO_COLOR'].includes(name)));

describe.each(Object.entries(BUNDLERS))('%s', (_, command) => {
  it.skipIf(!hasScript).each([false, true])('shows on a terminal what it is doing, unless it is told to be quiet (%s)', (isQuiet) => {
    const { files, args } = command(isQuiet);
    const root = project(files);
    const line = [process.execPath, ...args].map((part) => `'${part}'`).join(' ');
    const { status, stdout } = spawnSync('script', ['-qefc', line, '/dev/null'], { cwd: root, encoding: 'utf8', env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    expect({ status, stdout }).toMatchObject({ status: 0 });
    expect(stdout.includes(LINE)).toBe(!isQuiet);
    expect(/m\.onnx\s.*→/.test(stripVTControlCharacters(stdout))).toBe(!isQuiet);
  });

  it('is quiet in a file', () => {
    const { files, args } = command(false);
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project(files), encoding: 'utf8', env: environment() });
    expect(status).toBe(0);
    expect((stdout + stderr).includes('m.onnx: quantizing')).toBe(false);
    expect(stdout + stderr).toContain('→');
  });
});

describe('a build that is interrupted', () => {
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it.each(['SIGINT', 'SIGTERM'] as const)('by %s leaves no process behind, and a cache that the next one can use', async (signal) => {
    const { files, args } = BUNDLERS['esbuild']!(false);
    const samples = (body: string): string => `import { writeFileSync } from 'node:fs';\nexport default async function* () { yield { x: { data: new Float32Array(3 * 48 * 192), dims: [1, 3, 48, 192] } }; ${body} }`;
    const root = project({ 'build.js': files['build.js']!.replace('verify: false', "verify: false, calibration: './samples.mjs'") });
    writeFileSync(join(root, 'samples.mjs'), samples("writeFileSync('pid', String(process.pid)); for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));"));
    const build = spawn(process.execPath, args, { cwd: root, env: environment(), stdio: 'ignore' });
    const ended = new Promise<string | null>((resolve) => build.on('exit', (_, by) => resolve(by)));
    while (!existsSync(join(root, 'pid')) || readFileSync(join(root, 'pid'), 'utf8') === '') await sleep(20);
    const worker = Number(readFileSync(join(root, 'pid'), 'utf8'));
    expect(worker).not.toBe(build.pid);
    build.kill(signal);
    expect(await ended).toBe(signal);
    // Only the parent was told; a terminal tells both.
    while (isAlive(worker)) await sleep(20);

    writeFileSync(join(root, 'samples.mjs'), samples(''));
    const again = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: environment() });
    expect({ status: again.status, output: again.stdout + again.stderr }).toMatchObject({ status: 0 });
    expect(again.stderr).toContain('→');
  });
});
