import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Compiler as FarmCompiler, createBundleHandler, Logger, resolveConfig } from '@farmfe/core';
import { rspack, type RspackOptions } from '@rspack/core';
import { context } from 'esbuild';
import { watch as rolldownWatch } from 'rolldown';
import { watch as rollupWatch } from 'rollup';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import quantizeEsbuild from 'unplugin-quantize/esbuild';
import quantizeFarm from 'unplugin-quantize/farm';
import quantizeRolldown from 'unplugin-quantize/rolldown';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeVite from 'unplugin-quantize/vite';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { build, type Rolldown } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import webpack, { type Configuration } from 'webpack';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';
import { hashOfFile, importBuilt, makeProject, recordingLogger } from './support.ts';

/** Told of every build that ended: with what was wrong, if anything was. */
type Ended = (problem?: string) => void;
type Start = (root: string, options: Options, ended: Ended) => Promise<void>;

interface RollupLikeWatcher {
  on(event: 'event', listener: (event: { code: string; error?: Error; result?: { close(): Promise<void> } | null }) => void): unknown;
  close(): Promise<void>;
}

function follow(watcher: RollupLikeWatcher, ended: Ended): void {
  // An error is followed by an end.
  let problem: string | undefined;
  watcher.on('event', (event) => {
    void event.result?.close();
    if (event.code === 'START') problem = undefined;
    if (event.code === 'ERROR') problem = event.error!.message;
    if (event.code === 'END') ended(problem);
  });
  onTestFinished(() => watcher.close());
}

const startRollup: Start = async (root, options, ended) => {
  const plugins = [quantizeRollup(options)];
  follow(rollupWatch({ input: join(root, 'main.js'), plugins, output: { dir: join(root, 'dist'), entryFileNames: 'main.mjs' }, onLog: () => undefined }) as unknown as RollupLikeWatcher, ended);
};

const startRolldown: Start = async (root, options, ended) => {
  const plugins = [quantizeRolldown(options)];
  follow(rolldownWatch({ input: join(root, 'main.js'), cwd: root, platform: 'node', plugins, output: { dir: join(root, 'dist'), entryFileNames: 'main.mjs' }, onLog: () => undefined }) as unknown as RollupLikeWatcher, ended);
};

const startVite: Start = async (root, options, ended) => {
  const rolldownOptions = { output: { entryFileNames: 'main.mjs' } };
  const config = { root, configFile: false as const, customLogger: recordingLogger().logger, plugins: [quantizeVite(options)], build: { ssr: 'main.js', outDir: 'dist', watch: {}, rolldownOptions } };
  follow((await build(config)) as Rolldown.RolldownWatcher as unknown as RollupLikeWatcher, ended);
};

const compilerOptions = (root: string) => ({
  context: root,
  mode: 'production' as const,
  target: 'node' as const,
  entry: './main.js',
  experiments: { outputModule: true },
  infrastructureLogging: { level: 'none' as const },
  output: { path: join(root, 'dist'), filename: 'main.mjs', clean: true, module: true, library: { type: 'module' } },
});

interface Watchable {
  watch(options: object, done: (crash: Error | null, stats?: { hasErrors(): boolean; toString(options: object): string }) => void): unknown;
  close(done: () => void): void;
}

function watchCompiler(compiler: Watchable, ended: Ended): void {
  compiler.watch({ aggregateTimeout: 20 }, (crash, stats) => ended(crash ? `crash: ${crash.message}` : stats?.hasErrors() === true ? stats.toString({ all: false, errors: true }) : undefined));
  onTestFinished(() => new Promise((closed) => void compiler.close(closed)));
}

const startWebpack: Start = async (root, options, ended) => {
  const config: Configuration = { ...compilerOptions(root), plugins: [quantizeWebpack(options)] };
  watchCompiler(webpack(config) as unknown as Watchable, ended);
};

const startRspack: Start = async (root, options, ended) => {
  const config = { ...compilerOptions(root), plugins: [quantizeRspack(options)] };
  watchCompiler(rspack(config as RspackOptions) as unknown as Watchable, ended);
};

const startEsbuild: Start = async (root, options, ended) => {
  const report = { name: 'report', setup: (build: { onEnd(callback: (result: { errors: { text: string }[] }) => void): void }) => build.onEnd(({ errors }) => ended(errors[0]?.text)) };
  const watching = await context({ absWorkingDir: root, entryPoints: ['main.js'], bundle: true, format: 'esm', platform: 'node', outfile: 'dist/main.mjs', logLevel: 'silent', plugins: [quantizeEsbuild(options), report] });
  await watching.watch();
  onTestFinished(() => watching.dispose());
};

const startFarm: Start = async (root, options, ended) => {
  const logger = new Logger();
  for (const method of ['info', 'warn', 'error'] as const) logger[method] = () => undefined;
  const output = { path: 'dist', format: 'esm' as const, targetEnv: 'node' as const, entryFilename: '[entryName].mjs' };
  const plugins = [quantizeFarm(options)];
  const config = await resolveConfig({ root, clearScreen: false, compilation: { input: { main: './main.js' }, persistentCache: false, sourcemap: false, output }, server: { hmr: false }, plugins } as unknown as Parameters<typeof resolveConfig>[0], 'development', logger);
  const watcher = await createBundleHandler(config, logger, true);
  ended();
  const update = FarmCompiler.prototype.update.bind(watcher.serverOrCompiler as FarmCompiler);
  (watcher.serverOrCompiler as FarmCompiler).update = (...args) => {
    const updated = update(...args);
    // Files are written after that.
    updated.then(() => setTimeout(ended, 50), (error: Error) => ended(error.message));
    return updated;
  };
  onTestFinished(async () => {
    await watcher.getInternalWatcher().close();
  });
};

const STARTS: Record<string, Start> = { rollup: startRollup, rolldown: startRolldown, vite: startVite, webpack: startWebpack, rspack: startRspack, esbuild: startEsbuild, farm: startFarm };

const samples = (value: number): string => `export default [{ x: { type: 'float32', dims: [1, 64], data: new Float32Array(64).fill(${value}) } }];`;

describe.each(Object.entries(STARTS))('%s that watches', (_, start) => {
  it('builds again when a model, its data or its samples change', async () => {
    const options = "import { format } from './format.ts';\nexport default { format };";
    const root = makeProject({ 'samples.mjs': samples(1), 'other.onnx.quantize.ts': options, 'format.ts': "export const format = 'int8';" }, { 'other.onnx': 'ocrDirection' });
    writeSplitModel(root);
    const specifier = `./model.onnx?quantize=int8-dynamic&calibration=${join(root, 'samples.mjs')}`;
    writeFileSync(join(root, 'main.js'), `export { default as model } from ${JSON.stringify(specifier)}; export { default as other } from './other.onnx?quantize';`);
    const ends: (string | undefined)[] = [];
    await start(root, { verify: false, report: false, targets: ['wasm', 'node'], cache: join(root, 'node_modules/.cache/unplugin-quantize') }, (problem) => void ends.push(problem));
    let copies = 0;
    const current = async (): Promise<{ model: QuantizedModel; other: QuantizedModel }> => {
      // A module is imported once only, so each build's is copied under a name of its own.
      for (;;) {
        const copy = join(root, 'dist', `copy-${copies++}.mjs`);
        try {
          copyFileSync(join(root, 'dist/main.mjs'), copy);
          return await importBuilt(copy);
        } catch (error) {
          // Another build has begun and emptied the folder.
          if (!/ENOENT|ERR_MODULE_NOT_FOUND/.test((error as { code: string }).code)) throw error;
          await sleep(20);
        }
      }
    };
    /** Changes a file until a build shows it: watchers drop changes that follow each other quickly. */
    const changeUntil = async (change: () => void, isSeen: () => Promise<boolean>): Promise<void> => {
      for (;;) {
        const seen = ends.length;
        change();
        for (let waited = 0; ends.length === seen && waited < 2000; waited += 20) await sleep(20);
        if (ends.length > seen && (await isSeen())) return;
      }
    };
    while (!existsSync(join(root, 'dist/main.mjs')) || ends.length === 0) await sleep(20);
    expect(ends[0]).toBe(undefined);
    const first = await current();

    await changeUntil(() => void writeSplitModel(root, 'model.data', 0.5), async () => (await current()).model.hash !== first.model.hash);
    const second = await current();
    expect(hashOfFile(new URL(second.model.variants[0]!.url))).toBe(second.model.hash);
    // What did not change is still there, also where the folder is cleaned.
    expect(hashOfFile(new URL(second.other.variants[0]!.url))).toBe(first.other.hash);

    await changeUntil(() => writeFileSync(join(root, 'samples.mjs'), 'export default [{ y: 1 }];'), async () => ends.at(-1)?.includes('SAMPLES_INVALID') === true);
    await changeUntil(() => writeFileSync(join(root, 'samples.mjs'), samples(2)), async () => ends.at(-1) === undefined);
    expect((await current()).model.hash).toBe(second.model.hash);

    // Options beside a model, in a file of their own or one that it imports.
    const format = join(root, 'format.ts');
    await changeUntil(() => writeFileSync(format, "export const format: string = 'fp16-storage';"), async () => (await current()).other.report.format === 'fp16-storage');
    await changeUntil(() => writeFileSync(format, "export const format = 'int5';"), async () => ends.at(-1)?.includes('other.onnx.quantize.ts: ') === true);
    await changeUntil(() => writeFileSync(format, "export const format = 'int8';"), async () => ends.at(-1) === undefined);
    expect((await current()).other.hash).toBe(first.other.hash);
    await changeUntil(() => writeFileSync(join(root, 'model.onnx.quantize.json'), '{ "exclude": ["*"] }'), async () => (await current()).model.report.format === 'none');
    await changeUntil(() => rmSync(join(root, 'model.onnx.quantize.json'), { force: true }), async () => (await current()).model.hash === second.model.hash);

    await changeUntil(() => copyFileSync(models.silero, join(root, 'other.onnx')), async () => (await current()).other.hash !== first.other.hash);
    const last = await current();
    expect(last.other.source.hash).toBe(hashOfFile(models.silero));
    for (const model of [last.model, last.other]) expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(model.hash);
    expect(readdirSync(join(root, 'node_modules/.cache/unplugin-quantize/artefacts'))).toHaveLength(6);
  });
});
