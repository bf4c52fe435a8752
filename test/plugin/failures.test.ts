import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeVite from 'unplugin-quantize/vite';
import { describe, expect, it } from 'vitest';
import { makeProject, QUICK } from './support.ts';

const require = createRequire(import.meta.url);
const COMMANDS = {
  vite: [join(dirname(require.resolve('vite/package.json')), 'bin/vite.js'), 'build'],
  rollup: [join(dirname(require.resolve('rollup/package.json')), 'dist/bin/rollup'), '-c'],
};

/** Runs the bundler's own command line in a project of one import. */
function buildByCommand(bundler: keyof typeof COMMANDS, specifier: string, options: object): { status: number | null; output: string; root: string } {
  const plugin = `[quantize(${JSON.stringify({ ...QUICK, ...options })})]`;
  const root = makeProject(
    {
      'main.js': `import model from '${specifier}'; console.log(model);`,
      'vite.config.js': `import quantize from 'unplugin-quantize/vite'; export default { build: { rollupOptions: { input: 'main.js' } }, plugins: ${plugin} };`,
      'rollup.config.js': `import quantize from 'unplugin-quantize/rollup'; export default { input: 'main.js', output: { dir: 'dist' }, plugins: ${plugin} };`,
      'broken.onnx': 'this is text',
    },
    { 'm.onnx': 'ocrDirection' },
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, COMMANDS[bundler], { cwd: root, encoding: 'utf8' });
  return { status, output: stripVTControlCharacters(stdout + stderr), root };
}

describe.each(['vite', 'rollup'] as const)('%s', (bundler) => {
  it('ends well, with the table on the terminal', () => {
    const { status, output, root } = buildByCommand(bundler, './m.onnx?quantize', {});
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toMatch(/^m\.onnx +578\.97 kB +→ +\d/m);
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(true);
  });

  it.each([
    ['a broken budget', './m.onnx?quantize', { budget: { maxBytes: 1000 } }, ['[BUDGET_BROKEN]', 'model: m.onnx', '1000']],
    ['an unknown query key', './m.onnx?quantize&exlude=a', {}, ['There is no query key "exlude". [OPTION_UNKNOWN]', 'model: ./m.onnx', 'hint: Did you mean "exclude"?']],
    ['an unknown format', './m.onnx?quantize=int9', {}, ['"int9" is not a value of "format". [OPTION_INVALID]', 'hint: Did you mean "int8"?']],
    ['a missing model', './none.onnx?quantize', {}, ['There is no model "./none.onnx", imported by ', '[MODEL_NOT_FOUND]', 'hint: Looked at ']],
    ['a file that is no model', './broken.onnx?quantize', {}, ['[MODEL_NOT_ONNX]', 'model: broken.onnx', 'hint: ']],
  ])('fails on %s and writes nothing', (_, specifier, options, texts) => {
    const { status, output, root } = buildByCommand(bundler, specifier, options);
    expect({ status, output }).toMatchObject({ status: 1 });
    for (const text of texts) expect(output).toContain(text);
    expect(existsSync(join(root, 'dist'))).toBe(false);
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(false);
  });
});

describe.each([['vite', quantizeVite], ['rollup', quantizeRollup]] as const)('options of the %s plugin', (_, plugin) => {
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
