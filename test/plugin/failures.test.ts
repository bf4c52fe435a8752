import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import quantizeEsbuild from 'unplugin-quantize/esbuild';
import quantizeFarm from 'unplugin-quantize/farm';
import quantizeRolldown from 'unplugin-quantize/rolldown';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeVite from 'unplugin-quantize/vite';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { rspack } from '@rspack/core';
import { describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { makeProject, QUICK } from './support.ts';

const require = createRequire(import.meta.url);

/** As the bundler's own command line does it: errors of a compilation are printed, and the exit code is 1; a crash would be 2. */
const runCompiler = `
  compiler.run((crash, stats) => {
    console.error(crash ?? stats.toString({ colors: false, all: false, errors: true, logging: 'info' }));
    process.exitCode = crash ? 2 : stats.hasErrors() ? 1 : 0;
    compiler.close(() => undefined);
  });`;
const compilerConfig = (plugins: string): string => `{ mode: 'production', context: import.meta.dirname, entry: './main.js', output: { path: import.meta.dirname + '/dist' }, plugins: ${plugins} }`;

/** A file that builds the project, and the arguments that run it in Node. */
const COMMANDS: Record<string, { file: string; code(plugins: string): string; args: string[] }> = {
  vite: {
    file: 'vite.config.js',
    code: (plugins) => `export default { build: { rollupOptions: { input: 'main.js' } }, plugins: ${plugins} };`,
    args: [join(dirname(require.resolve('vite/package.json')), 'bin/vite.js'), 'build'],
  },
  rollup: {
    file: 'rollup.config.js',
    code: (plugins) => `export default { input: 'main.js', output: { dir: 'dist' }, plugins: ${plugins} };`,
    args: [join(dirname(require.resolve('rollup/package.json')), 'dist/bin/rollup'), '-c'],
  },
  rolldown: {
    file: 'rolldown.config.js',
    code: (plugins) => `export default { input: 'main.js', output: { dir: 'dist' }, plugins: ${plugins} };`,
    args: [join(dirname(require.resolve('rolldown/package.json')), 'bin/cli.mjs'), '-c'],
  },
  webpack: {
    file: 'build.js',
    code: (plugins) => `import webpack from 'webpack'; const compiler = webpack(${compilerConfig(plugins)}); ${runCompiler}`,
    args: ['build.js'],
  },
  rspack: {
    file: 'build.js',
    code: (plugins) => `import rspack from '@rspack/core'; const compiler = rspack(${compilerConfig(plugins)}); ${runCompiler}`,
    args: ['build.js'],
  },
  esbuild: {
    file: 'build.js',
    // A build that fails rejects, and Node ends with code 1.
    code: (plugins) => `import { build } from 'esbuild'; await build({ entryPoints: ['main.js'], bundle: true, outdir: 'dist', plugins: ${plugins} }).catch(() => process.exit(1));`,
    args: ['build.js'],
  },
  farm: {
    file: 'build.js',
    code: (plugins) => `import { build } from '@farmfe/core'; await build({ clearScreen: false, compilation: { input: { main: './main.js' }, persistentCache: false }, plugins: ${plugins} });`,
    args: ['build.js'],
  },
};

/** Builds a project of one import in a process of its own. */
function buildByCommand(bundler: string, specifier: string, options: object): { status: number | null; output: string; root: string } {
  const { file, code, args } = COMMANDS[bundler]!;
  const text = `import quantize from 'unplugin-quantize/${bundler}';\n${code(`[quantize(${JSON.stringify({ ...QUICK, ...options })})]`)}`;
  const root = makeProject({ 'main.js': `import model from '${specifier}'; console.log(model);`, [file]: text, 'broken.onnx': 'this is text' }, { 'm.onnx': 'ocrDirection' });
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { status, output: stripVTControlCharacters(stdout + stderr), root };
}

/** What these say of a file that is not there is their own. */
const NATIVE_MISSING: Record<string, string[]> = {
  webpack: ["Can't resolve './none.onnx?quantize'"],
  rspack: ["Can't resolve './none.onnx?quantize'"],
  farm: ['Can not resolve `./none.onnx?quantize` from main.js'],
};

describe.each(Object.keys(COMMANDS))('%s', (bundler) => {
  it('ends well, with the table on the terminal', () => {
    const { status, output, root } = buildByCommand(bundler, './m.onnx?quantize', {});
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toMatch(/^(?:<i> )?m\.onnx +(?:[a-z, -]+ +)?578\.97 kB +→ +\d/m);
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(true);
  });

  it.each([
    ['a broken budget', './m.onnx?quantize', { budget: { maxBytes: 1000 } }, ['[BUDGET_BROKEN]', 'model: m.onnx', '1000']],
    ['an unknown query key', './m.onnx?quantize&exlude=a', {}, ['There is no query key "exlude". [OPTION_UNKNOWN]', 'm.onnx', 'hint: Did you mean "exclude"?']],
    ['an unknown format', './m.onnx?quantize=int9', {}, ['"int9" is not a value of "format". [OPTION_INVALID]', 'hint: Did you mean "int8"?']],
    ['a missing model', './none.onnx?quantize', {}, NATIVE_MISSING[bundler] ?? ['There is no model "./none.onnx", imported by ', '[MODEL_NOT_FOUND]', 'hint: Looked at ']],
    ['a file that is no model', './broken.onnx?quantize', {}, ['[MODEL_NOT_ONNX]', 'model: broken.onnx', 'hint: ']],
  ])('fails on %s and writes no output', (_, specifier, options, texts) => {
    const { status, output, root } = buildByCommand(bundler, specifier, options);
    expect({ status, output }).toMatchObject({ status: 1 });
    for (const text of texts) expect(output).toContain(text);
    expect(existsSync(join(root, 'dist'))).toBe(false);
    // Figures that broke a budget are written down, so that people see why.
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(texts.includes('[BUDGET_BROKEN]'));
  });
});

const start: Record<string, (options: object) => unknown> = {
  vite: quantizeVite,
  rollup: quantizeRollup,
  rolldown: quantizeRolldown,
  esbuild: quantizeEsbuild,
  farm: quantizeFarm,
  webpack: (options) => webpack({ plugins: [quantizeWebpack(options)] }),
  rspack: (options) => rspack({ plugins: [quantizeRspack(options)] }),
};

describe.each(Object.entries(start))('options of the %s plugin', (_, plugin) => {
  it.each([
    [{ budgets: {} }, 'There is no option "budgets". [OPTION_UNKNOWN]', 'Did you mean "budget"?'],
    [{ cach: false }, 'There is no option "cach".', 'Did you mean "cache"?'],
    [{ format: 'int5' }, '"int5" is not a value of "format". [OPTION_INVALID]', 'Did you mean'],
    [{ budget: { cosine: 2 } }, '"budget.cosine" is 2', 'a number from 0 to 1'],
    [{ workers: 0 }, '"workers" is 0', 'whole number'],
  ])('refuses %o before anything is built', (options, ...texts) => {
    for (const text of texts) expect(() => plugin(options as object)).toThrow(text);
  });
});
