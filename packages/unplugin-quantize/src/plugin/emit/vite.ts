import type { Environment, Plugin, ResolvedConfig, ViteBuilder, ViteDevServer } from 'vite';
import { createArrivals } from '../arrivals.ts';
import { notSetBy } from '../isolation.ts';
import { PLUGIN_NAME } from '../load.ts';
import type { PluginState } from '../state.ts';
import { NATIVE_PACKAGE, type HookContext, type Hooks, type RollupLikeHost } from './host.ts';
import { rollupLikeHooks } from './rollup-like.ts';
import { emitOnnxruntimeWasm, ONNXRUNTIME_WEB, WASM_URL } from '../onnxruntime-wasm.ts';
import { REQUEST_TEXT, rewriteUrls } from '../rewrite/rewrite-urls.ts';
import { SCRIPT } from '../rewrite/scripts.ts';
import { emitSideFiles } from './side-files.ts';
import { viteBuild } from './vite-build.ts';
import { viteDev } from './vite-dev.ts';
import { watchFiles } from './watch-files.ts';
import { viteWorkerPlugin, workerScope } from './vite-worker.ts';

/**
 * Modules that the dev server hands out as they are: bundled by Vite 6 and 7 onnxruntime-web does not find its .wasm file, and bundling on the
 * first import of a dependency reloads the page.
 */
const UNBUNDLED = ['onnxruntime-web', 'unplugin-quantize'];

/** Vite 6 and later: files of the build in `vite build`, a middleware in the dev server; what runs in Node gets file: URLs in both. */
export function viteHooks(state: PluginState): Hooks {
  return rollupLikeHooks(state, viteHost(state));
}

function viteHost(state: PluginState): RollupLikeHost {
  const build = viteBuild();
  const arrivals = createArrivals();
  const dev = viteDev(() => state.describe(state.reports));
  let config: ResolvedConfig | undefined;
  let builder: ViteBuilder | undefined;
  const isServing = (): boolean => config?.command === 'serve';

  return {
    rootRelative: true,
    scope: (context) => environmentOf(context).name,
    platform: (context) => (environmentOf(context).config.consumer === 'server' ? 'node' : 'browser'),
    isExternal: (context, specifier) => specifier === NATIVE_PACKAGE && !isServing() && environmentOf(context).config.consumer === 'server',
    watch: (context, id, files) => (isServing() ? dev.watch(id, files) : watchFiles(context, files, arrivals)),
    emit: (context, artefact) => (isServing() ? dev.emit(environmentOf(context), artefact) : build.emit(context, environmentOf(context), artefact)),
    tell(reports) {
      const line = isServing() ? state.table(reports) : '';
      if (line !== '') config?.logger.info(line, { timestamp: true });
    },
    hooks: {
      vite: {
        // One instance for all environments of an app, so that they share one pipeline and one report.
        sharedDuringBuild: true,
        config: ({ worker }) => ({
          worker: { plugins: () => (hasPlugin(worker?.plugins?.()) ? [] : [viteWorkerPlugin(state, arrivals)]) },
          optimizeDeps: { exclude: UNBUNDLED },
        }),
        configResolved(resolved) {
          config = resolved;
          state.root = resolved.root;
          state.isQuiet = resolved.logLevel !== undefined && resolved.logLevel !== 'info';
          state.writesReports = resolved.command === 'build';
          state.warn = (message) => resolved.logger.warn(`[unplugin-quantize] ${message}`);
        },
        configureServer(server) {
          sendHeaders(server.middlewares, notSetBy(server.config.server.headers, state.isolation));
          // What it gives back is for Vite.
          return dev.configureServer(server);
        },
        configurePreviewServer(server) {
          sendHeaders(server.middlewares, notSetBy(server.config.preview.headers, state.isolation));
        },
        hotUpdate: dev.hotUpdate,
        async buildApp(appBuilder) {
          builder = appBuilder;
        },
        buildStart() {
          state.begin(this.environment.name);
          state.begin(workerScope(this.environment));
          build.begin(this.environment);
        },
        // Vite itself emits the .wasm file as a whole.
        transform: {
          filter: { id: [ONNXRUNTIME_WEB, SCRIPT], code: [WASM_URL, REQUEST_TEXT] },
          handler(code, id) {
            if (!ONNXRUNTIME_WEB.test(id)) return rewriteUrls(code, id, { isAbsolute: false, hasRequire: false });
            if (isServing() || !state.isLimited || this.environment.config.consumer === 'server') return null;
            return emitOnnxruntimeWasm(this, code, id, (path) => state.wasmParts(path));
          },
        },
        resolveFileUrl: build.resolveFileUrl,
        generateBundle: {
          order: 'post',
          async handler(options, bundle) {
            await build.generateBundle.call(this, options, bundle);
            if (this.environment.config.consumer !== 'server') await emitSideFiles(state, this, bundle);
          },
        },
        onLog: build.onLog,
        writeBundle: {
          order: 'post',
          async handler() {
            await state.finish((table) => this.environment.logger.info(table));
          },
        },
        async closeBundle() {
          if (isServing() || (!this.meta.watchMode && !hasMoreToBuild(builder, this.environment))) await state.close();
        },
        async closeWatcher() {
          arrivals.close();
          await state.close();
        },
      },
    },
  };
}

/** Vite sends its `headers` with its own answers alone, not with pages that frameworks answer. */
function sendHeaders(middlewares: ViteDevServer['middlewares'], headers: Record<string, string>): void {
  const sent = Object.entries(headers);
  if (sent.length === 0) return;
  middlewares.use((_, response, next) => {
    for (const [name, value] of sent) response.setHeader(name, value);
    next();
  });
}

/** Where users have put the plugin there themselves, as other plugins need it. */
function hasPlugin(plugins: unknown): boolean {
  return Array.isArray(plugins) ? plugins.some(hasPlugin) : (plugins as Partial<Plugin> | undefined)?.name === PLUGIN_NAME;
}

/** Vite's name for what it builds or serves for: `client`, `ssr` and those of frameworks. */
function environmentOf(context: HookContext): Environment {
  return (context as unknown as { environment: Environment }).environment;
}

/** True while an app of several environments is being built and another one is to come. */
function hasMoreToBuild(builder: ViteBuilder | undefined, current: Environment): boolean {
  return Object.values(builder?.environments ?? {}).some(({ name, isBuilt }) => name !== current.name && !isBuilt);
}
