import { join } from 'node:path';
import { build as farmBuild, Logger } from '@farmfe/core';
import { rspack, type RspackOptions, type Stats as RspackStats } from '@rspack/core';
import { build as esbuild } from 'esbuild';
import { rolldown } from 'rolldown';
import { rollup } from 'rollup';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import type { Options } from 'unplugin-quantize';
import quantizeEsbuild from 'unplugin-quantize/esbuild';
import quantizeFarm from 'unplugin-quantize/farm';
import quantizeRolldown from 'unplugin-quantize/rolldown';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeVite from 'unplugin-quantize/vite';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { build as viteBuild } from 'vite';
import webpack, { type Configuration, type Stats } from 'webpack';
import { listFiles, QUICK, recordingLogger } from './support.ts';

export interface Settings {
  platform: 'browser' | 'node';
  /** `script` is what a page loads without `type="module"`; Vite has none. */
  format: 'esm' | 'cjs' | 'script';
  /** `base` of Vite, `publicPath` of the others; Rollup and Rolldown have none. */
  publicPath?: string;
  /** Where assets go, in the bundler's own words for name, hash and extension: `{name}`, `{hash}`, `.{ext}`. */
  assetNames?: string;
  sourcemap?: boolean;
  options?: Options;
}

export interface Output {
  outDir: string;
  /** Relative paths of the written files, sorted. */
  files: string[];
  /** Absolute path of the entry's output. */
  main: string;
}

/** Builds `main.js` of a project to `dist/deep/main.*` (Vite, Farm: `dist/main.*`) by the bundler's API. */
type Build = (root: string, settings: Settings) => Promise<Output>;

const extension = ({ format }: Settings): string => ({ esm: 'mjs', cjs: 'cjs', script: 'js' })[format];
const rollupFormat = ({ format }: Settings): 'es' | 'cjs' | 'iife' => ({ esm: 'es', cjs: 'cjs', script: 'iife' } as const)[format];

function output(root: string, main: string): Output {
  const outDir = join(root, 'dist');
  return { outDir, files: listFiles(outDir), main: join(outDir, main) };
}

const buildRollup: Build = (root, settings) =>
  within(root, async () => {
    const resolution = nodeResolve(settings.platform === 'node' ? { exportConditions: ['node'] } : { browser: true });
    const bundle = await rollup({ input: { 'deep/main': join(root, 'main.js') }, plugins: [quantizeRollup(settings.options ?? QUICK), resolution], onLog: () => undefined });
    const entryFileNames = `[name].${extension(settings)}`;
    await bundle.write({ dir: join(root, 'dist'), format: rollupFormat(settings), name: 'app', entryFileNames, sourcemap: settings.sourcemap === true, ...assetNames(settings, '[', ']') });
    await bundle.close();
    return output(root, `deep/main.${extension(settings)}`);
  });

const buildRolldown: Build = (root, settings) =>
  within(root, async () => {
    const { platform, options = QUICK } = settings;
    const bundle = await rolldown({ input: { 'deep/main': join(root, 'main.js') }, cwd: root, platform, plugins: [quantizeRolldown(options)], onLog: () => undefined });
    await bundle.write({ dir: join(root, 'dist'), format: rollupFormat(settings), name: 'app', sourcemap: settings.sourcemap === true, entryFileNames: `[name].${extension(settings)}`, ...assetNames(settings, '[', ']') });
    await bundle.close();
    return output(root, `deep/main.${extension(settings)}`);
  });

const buildVite: Build = async (root, settings) => {
  const { platform, publicPath = '/', options = QUICK } = settings;
  const outputs = { format: rollupFormat(settings), entryFileNames: `deep/[name].${extension(settings)}`, ...assetNames(settings, '[', ']') };
  const rolldownOptions = { input: join(root, 'main.js'), output: outputs, preserveEntrySignatures: 'strict' as const };
  const plugins = [quantizeVite(options)];
  await viteBuild({ root, configFile: false, base: publicPath, customLogger: recordingLogger().logger, plugins, build: { outDir: 'dist', emptyOutDir: true, minify: false, sourcemap: settings.sourcemap === true, ssr: platform === 'node', rolldownOptions } });
  return output(root, `deep/main.${extension(settings)}`);
};

/** webpack's options that Rspack shares. */
function webpackOptions(root: string, settings: Settings) {
  const { platform, format, publicPath } = settings;
  const isModule = format === 'esm';
  const { assetFileNames } = assetNames(settings, '[', ']');
  return {
    context: root,
    mode: 'production' as const,
    devtool: settings.sourcemap === true ? ('source-map' as const) : (false as const),
    target: platform === 'node' ? ('node' as const) : ('web' as const),
    entry: { 'deep/main': './main.js' },
    performance: false as const,
    infrastructureLogging: { level: 'error' as const },
    experiments: { outputModule: isModule },
    output: {
      path: join(root, 'dist'),
      filename: `[name].${extension(settings)}`,
      clean: true,
      ...(isModule && { module: true, library: { type: 'module' }, chunkFormat: 'module' as const }),
      ...(format === 'cjs' && { library: { type: 'commonjs2' } }),
      ...(publicPath !== undefined && { publicPath }),
      ...(assetFileNames !== undefined && { assetModuleFilename: assetFileNames.replace('.[ext]', '[ext]') }),
    },
  };
}

/** Runs a compiler once; what it reports as errors is thrown. */
function runCompiler(compiler: { run(done: (error: Error | null, stats?: Stats | RspackStats) => void): void; close(done: (error?: Error | null) => void): void }): Promise<void> {
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      const failure = error ?? (stats?.hasErrors() === true ? new Error(stats.toString({ all: false, errors: true, colors: false })) : undefined);
      compiler.close((closing) => {
        const problem = failure ?? closing;
        if (problem) reject(problem);
        else resolve();
      });
    });
  });
}

const buildWebpack: Build = async (root, settings) => {
  const config: Configuration = { ...webpackOptions(root, settings), plugins: [quantizeWebpack(settings.options ?? QUICK)] };
  await runCompiler(webpack(config)!);
  return output(root, `deep/main.${extension(settings)}`);
};

const buildRspack: Build = async (root, settings) => {
  const config = { ...webpackOptions(root, settings), plugins: [quantizeRspack(settings.options ?? QUICK)] };
  await runCompiler(rspack(config as RspackOptions));
  return output(root, `deep/main.${extension(settings)}`);
};

const buildEsbuild: Build = async (root, settings) => {
  const { platform, format, publicPath, options = QUICK } = settings;
  const { assetFileNames } = assetNames(settings, '[', ']');
  await esbuild({
    absWorkingDir: root,
    entryPoints: { 'deep/main': './main.js' },
    outdir: 'dist',
    outExtension: { '.js': `.${extension(settings)}` },
    bundle: true,
    platform,
    format: format === 'script' ? 'iife' : format,
    logLevel: 'silent',
    sourcemap: settings.sourcemap === true,
    splitting: format === 'esm',
    ...(publicPath !== undefined && { publicPath }),
    ...(assetFileNames !== undefined && { assetNames: assetFileNames.replace('.[ext]', '') }),
    plugins: [quantizeEsbuild(options)],
  });
  return output(root, `deep/main.${extension(settings)}`);
};

const buildFarm: Build = async (root, settings) => {
  const { platform, format, publicPath, options = QUICK } = settings;
  const { assetFileNames } = assetNames(settings, '[', ']');
  const entryFilename = `[entryName].${extension(settings)}`;
  const compilation = {
    input: { main: './main.js' },
    persistentCache: false,
    minify: false,
    presetEnv: false,
    sourcemap: settings.sourcemap === true,
    output: {
      path: 'dist',
      format: format === 'esm' ? 'esm' : 'cjs',
      targetEnv: platform,
      entryFilename,
      filename: `[resourceName].[contentHash].${extension(settings)}`,
      ...(publicPath !== undefined && { publicPath }),
      ...(assetFileNames !== undefined && { assetsFilename: assetFileNames.replace('[name]', '[resourceName]').replace('[hash]', '[contentHash]') }),
    },
  } as const;
  await farmBuild({ root, clearScreen: false, logger: quietFarm(), compilation, plugins: [quantizeFarm(options)] } as unknown as Parameters<typeof farmBuild>[0]);
  return output(root, `main.${extension(settings)}`);
};

/** Farm ends the process when a build fails; tests want an error. */
function quietFarm(): Logger {
  const logger = new Logger();
  for (const method of ['info', 'warn', 'trace', 'debug'] as const) logger[method] = () => undefined;
  logger.error = (message) => {
    throw message instanceof Error ? message : new Error(String(message));
  };
  return logger;
}

function assetNames({ assetNames }: Settings, open: string, close: string): { assetFileNames?: string } {
  return assetNames === undefined ? {} : { assetFileNames: assetNames.replaceAll('{', open).replaceAll('}', close) };
}

/** Rollup and Rolldown have no root of their own: like their command lines, they work in the current folder. */
async function within<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const cwd = process.cwd();
  process.chdir(folder);
  try {
    return await work();
  } finally {
    process.chdir(cwd);
  }
}

export const BUNDLERS = {
  rollup: buildRollup,
  rolldown: buildRolldown,
  vite: buildVite,
  webpack: buildWebpack,
  rspack: buildRspack,
  esbuild: buildEsbuild,
  farm: buildFarm,
} satisfies Record<string, Build>;

export type BundlerName = keyof typeof BUNDLERS;
export const BUNDLER_NAMES = Object.keys(BUNDLERS) as BundlerName[];
