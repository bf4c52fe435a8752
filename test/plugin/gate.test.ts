import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { models } from '../support/models.ts';
import { makeProject } from './support.ts';
import { VAD_SAMPLES } from '../support/vad-samples.ts';

const require = createRequire(import.meta.url);

/** Projects whose options are in a file, and what builds them. */
const BUNDLERS: Record<string, { files: Record<string, string>; args: string[] }> = {
  vite: {
    files: { 'vite.config.js': "import quantize from 'unplugin-quantize/vite'; import options from './options.js'; export default { build: { rollupOptions: { input: 'main.js' } }, plugins: [quantize(options)] };" },
    args: [join(dirname(require.resolve('vite/package.json')), 'bin/vite.js'), 'build'],
  },
  webpack: {
    files: {
      'build.js': `import webpack from 'webpack'; import quantize from 'unplugin-quantize/webpack'; import options from './options.js';
        const compiler = webpack({ mode: 'production', context: import.meta.dirname, entry: './main.js', output: { path: import.meta.dirname + '/dist' }, plugins: [quantize(options)] });
        compiler.run((crash, stats) => {
          console.error(crash ?? stats.toString({ colors: false, all: false, errors: true, logging: 'info' }));
          process.exitCode = crash ? 2 : stats.hasErrors() ? 1 : 0;
          compiler.close(() => undefined);
        });`,
    },
    args: ['build.js'],
  },
};

/** A model in whose weights a thousand values are too large, as a wrong scale makes them. */
function withWrongScale(model: Buffer): Buffer {
  const COUNT = 1000;
  const isWeight = (value: number): boolean => Math.abs(value) > 1e-8 && Math.abs(value) < 4;
  for (let at = 0; at + 4 * COUNT < model.length; at++) {
    let found = 0;
    while (found < COUNT && isWeight(model.readFloatLE(at + 4 * found))) found++;
    if (found < COUNT) continue;
    for (let i = 0; i < COUNT; i++) model.writeFloatLE(model.readFloatLE(at + 4 * i) * 1.5, at + 4 * i);
    return model;
  }
  return expect.unreachable('the model has no weights');
}

describe.each(Object.keys(BUNDLERS))('a gate in %s', (bundler) => {
  const { files, args } = BUNDLERS[bundler]!;

  it('fails builds that get worse than the baseline, with a table, and no others', () => {
    const root = makeProject({ ...files, 'main.js': "import model from './m.onnx?quantize'; console.log(model);", 'samples.js': VAD_SAMPLES }, { 'm.onnx': 'silero' });
    const build = (options: object, env: NodeJS.ProcessEnv = {}): { status: number | null; output: string } => {
      rmSync(join(root, 'dist'), { recursive: true, force: true });
      writeFileSync(join(root, 'options.js'), `export default ${JSON.stringify({ verify: false, targets: ['wasm'], format: 'int8-storage', calibration: './samples.js', ...options })};`);
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
      return { status, output: stripVTControlCharacters(stdout + stderr) };
    };
    const lock = join(root, 'quantize.lock.json');

    expect(build({}).status).toBe(0);
    expect(existsSync(lock)).toBe(false);
    expect(build({}, { UNPLUGIN_QUANTIZE_UPDATE_BASELINE: '1' }).status).toBe(0);
    const made = readFileSync(lock, 'utf8');
    expect(JSON.parse(made)).toMatchObject({ version: 1, models: { 'm.onnx': { 'int8-storage for wasm': { format: 'int8-storage', accuracy: { samples: 3 } } } } });

    writeFileSync(join(root, 'main.js'), "import model from './m.onnx?quantize'; console.log('hello', model);");
    expect(build({}).status).toBe(0);
    expect(existsSync(join(root, 'dist'))).toBe(true);

    const fewer = build({ sampleLimit: 2 });
    expect(fewer).toMatchObject({ status: 1, output: expect.stringMatching(/m\.onnx as int8-storage for wasm is worse than its baseline:[\s\S]*samples +3 +2 +REGRESSED/) });
    expect(build({ sampleLimit: 2, onFail: 'warn' })).toMatchObject({ status: 0, output: expect.stringContaining('is worse than its baseline') });
    expect(build({ sampleLimit: 2, baseline: false }).status).toBe(0);

    writeFileSync(join(root, 'm.onnx'), withWrongScale(readFileSync(models.silero)));
    expect(build({})).toMatchObject({ status: 1, output: expect.stringMatching(/source +[0-9a-f]{12} +[0-9a-f]{12} +REGRESSED/) });

    copyFileSync(models.silero, join(root, 'm.onnx'));
    expect(build({ budget: { cosine: 0.9999999 } })).toMatchObject({ status: 1, output: expect.stringMatching(/cosine +at least 0\.9999999\d* +0\.\d+ +BROKEN/) });
    expect(readFileSync(lock, 'utf8')).toBe(made);
  });
});
