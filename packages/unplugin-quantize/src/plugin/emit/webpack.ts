import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Compilation, Compiler, RuleSetRule } from 'webpack';
import { QuantizeError } from '../../errors.ts';
import { ONNXRUNTIME_IMPORT } from '../onnxruntime-build.ts';
import { ONNXRUNTIME_WEB } from '../onnxruntime-wasm.ts';
import { PRECOMPRESSED, sideFiles } from '../precompress.ts';
import { parseRequest, REQUEST_ID, REQUEST_QUERY, type ModelRequest } from '../request.ts';
import { resolveModel } from '../resolve.ts';
import { SCRIPT } from '../rewrite/scripts.ts';
import type { Platform } from '../platform.ts';
import type { PluginState } from '../state.ts';
import { NATIVE_PACKAGE, type Hooks } from './host.ts';
import type { QuantizeLoaderOptions } from './webpack-load.ts';
import { isolateDevServer } from './webpack-isolation.ts';
import { formatWebpackRequest } from './webpack-request.ts';

const SCOPE = 'webpack';
const LOADER = 'unplugin-quantize/webpack-loader';

/**
 * webpack 5 and Rspack: a loader of our own, whose pitch answers before the model is read, on modules that webpack itself resolves. Their
 * ids are the model's relative path, so that builds of two machines are equal.
 */
export function webpackHooks(state: PluginState): Hooks {
  return {
    webpack: (compiler) => install(state, compiler),
    rspack: (compiler) => install(state, compiler as unknown as Compiler),
  };
}

/** What the plugin does to a compiler. */
export function install(state: PluginState, compiler: Compiler): void {
  const logger = compiler.getInfrastructureLogger('unplugin-quantize');
  state.root = compiler.context;
  state.warn = (message) => logger.warn(message);
  state.isQuiet = [false, 'none', 'error', 'warn'].includes(compiler.options.infrastructureLogging.level ?? 'info');
  isolateDevServer(compiler, state.isolation);
  compiler.options.module.rules.push(REWRITE, ...rules(state, () => (compiler.options.externalsPresets.node ? 'node' : 'browser')));
  // Before that the options have no defaults.
  compiler.hooks.environment.tap(SCOPE, () => leaveNativePackage(compiler));
  compiler.hooks.normalModuleFactory.tap(SCOPE, (factory) => {
    factory.hooks.beforeResolve.tapPromise(SCOPE, async (data) => {
      const { context, request } = data;
      if (ONNXRUNTIME_IMPORT.test(request)) data.request = engineRequest(state, compiler, request);
      if (!REQUEST_ID.test(request)) return;
      data.request = (await normalRequest(state, compiler, request, context)) ?? request;
    });
  });
  compiler.hooks.thisCompilation.tap(SCOPE, (compilation) => {
    state.begin(SCOPE);
    if (state.precompress.length > 0 && !compiler.options.externalsPresets.node) emitSideFiles(state, compiler, compilation);
  });
  compiler.hooks.afterEmit.tapPromise(SCOPE, () => state.finish((table) => logger.info(`\n${table}`)));
  // A compiler that runs once is not always closed, and workers would keep its process alive.
  compiler.hooks.done.tapPromise(SCOPE, async () => {
    if (!compiler.watchMode) await state.close();
  });
  compiler.hooks.failed.tap(SCOPE, () => void state.close());
  compiler.hooks.shutdown.tapPromise(SCOPE, () => state.close());
}

/** Texts that name models are looked for in the app's own modules, after other loaders have made JavaScript of them. */
const REWRITE: RuleSetRule = { test: SCRIPT, exclude: /[\\/]node_modules[\\/]/, enforce: 'post', use: [{ loader: createRequire(import.meta.url).resolve(LOADER) }] };

/** After the user's rules, so that its type wins; its loader is the first to pitch, so that no other one sees the model. */
function rules(state: PluginState, platform: () => Platform): RuleSetRule[] {
  const options: QuantizeLoaderOptions = { state, scope: SCOPE, platform };
  // The words stand in the module's identifier: a cache of webpack's must not give what was loaded with other options.
  const use = [{ loader: createRequire(import.meta.url).resolve(LOADER), options, ident: `unplugin-quantize-${state.digest}` }];
  const model: RuleSetRule = { resourceQuery: REQUEST_QUERY, type: 'javascript/auto', sideEffects: false, enforce: 'post', use };
  return state.isLimited ? [model, { test: ONNXRUNTIME_WEB, enforce: 'post', use }] : [model];
}

/**
 * The request in one spelling with the model's path, so that equal wishes are one module; undefined where no model is found, which the
 * bundler reports itself and waits for.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
async function normalRequest(state: PluginState, compiler: Compiler, specifier: string, context: string): Promise<string | undefined> {
  const request = parseRequest(specifier);
  if (request === undefined) return undefined;
  const file = await findModel(state, compiler, request, context);
  if (file === undefined) return undefined;
  state.declarations?.imported(specifier, file);
  return formatWebpackRequest({ ...request, file });
}

async function findModel(state: PluginState, compiler: Compiler, { file }: ModelRequest, context: string): Promise<string | undefined> {
  const resolver = compiler.resolverFactory.get('normal', { dependencyType: 'esm' });
  try {
    return await resolveModel(file, join(context, 'importer'), {
      root: state.root,
      rootRelative: false,
      resolve: (path) =>
        new Promise((resolve, reject) => {
          resolver.resolve({}, context, path, {}, (error, found) => (error ? reject(error) : resolve(found || undefined)));
        }),
    });
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'MODEL_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Compressed files beside models and .wasm files, when all of these have their names. */
function emitSideFiles(state: PluginState, { webpack }: Compiler, compilation: Compilation): void {
  const stage = webpack.Compilation.PROCESS_ASSETS_STAGE_OPTIMIZE_TRANSFER;
  compilation.hooks.processAssets.tapPromise({ name: SCOPE, stage }, async (assets) => {
    for (const [name, source] of Object.entries(assets)) {
      const bytes = PRECOMPRESSED.test(name) ? source.buffer() : new Uint8Array();
      for (const file of await sideFiles(state, name, bytes)) compilation.emitAsset(file.name, new webpack.sources.RawSource(Buffer.from(file.bytes)), { immutable: true });
    }
  });
}

/** One build of onnxruntime-web for all imports of it in code for browsers. */
function engineRequest({ onnxruntime }: PluginState, { options }: Compiler, request: string): string {
  return onnxruntime === undefined || options.externalsPresets.node ? request : `onnxruntime-web/${onnxruntime}`;
}

/** onnxruntime-node stays an import where the output runs in Node: it loads a native library by a path beside its own files. */
function leaveNativePackage(compiler: Compiler): void {
  if (!compiler.options.externalsPresets.node) return;
  const type = compiler.options.output.module === true ? 'module-import' : 'node-commonjs';
  new compiler.webpack.ExternalsPlugin(type, NATIVE_PACKAGE).apply(compiler);
}
