import type { Plugin, PluginContext } from 'rollup';
import { createArrivals } from '../arrivals.ts';
import { createAssetEmitter } from './asset-emitter.ts';
import { emitSideFiles } from './side-files.ts';
import { NATIVE_PACKAGE, type Hooks, type RollupLikeHost } from './host.ts';
import { encodePath, movedUrl } from './moved-output.ts';
import { rollupLikeHooks } from './rollup-like.ts';
import { scriptUrl } from './script-url.ts';
import { watchFiles } from './watch-files.ts';
import { REQUEST_TEXT, rewriteUrls } from '../rewrite/rewrite-urls.ts';
import { SCRIPT } from '../rewrite/scripts.ts';
import type { Platform } from '../platform.ts';
import type { PluginState } from '../state.ts';
import { emitOnnxruntimeWasm, ONNXRUNTIME_WEB, WASM_URL } from '../onnxruntime-wasm.ts';

const SCOPE = 'rollup';

/** Nitro, which bundles servers with Rollup, has `import.meta.url` of all modules be that of the entry. */
const NITRO = /^nitro:/;

/** Rollup 4 and Rolldown: assets by emitFile, their URLs by import.meta.ROLLUP_FILE_URL, which works in browsers and in Node. */
export function rollupHooks(state: PluginState, framework: 'rollup' | 'rolldown'): Hooks {
  return rollupLikeHooks(state, rollupHost(state, framework));
}

function rollupHost(state: PluginState, framework: 'rollup' | 'rolldown'): RollupLikeHost {
  const assets = createAssetEmitter();
  const arrivals = createArrivals();
  let platform: Platform = 'browser';
  let isNitro = false;
  const hooks: Partial<Plugin> = {
    buildStart(options) {
      isNitro = options.plugins.some(({ name }) => NITRO.test(name));
      // Rollup does not say where its output runs.
      platform = isNitro || (options as { platform?: string }).platform === 'node' ? 'node' : 'browser';
      assets.begin(SCOPE);
      state.begin(SCOPE);
      state.isQuiet = ['silent', 'warn'].includes(options.logLevel);
      state.warn = (message) => this.warn(message);
    },
    transform: {
      filter: { id: [ONNXRUNTIME_WEB, SCRIPT], code: [WASM_URL, REQUEST_TEXT] },
      handler(code, id) {
        if (ONNXRUNTIME_WEB.test(id)) return emitOnnxruntimeWasm(this, code, id, (path) => state.wasmParts(path));
        return rewriteUrls(code, id, { isAbsolute: false, hasRequire: framework === 'rolldown' });
      },
    },
    // Rolldown gives scripts of pages the URL of a module, which they have not.
    resolveFileUrl({ referenceId, fileName, relativePath, format }) {
      if (isNitro && assets.emitted(SCOPE).has(referenceId)) return movedUrl(JSON.stringify(encodePath(relativePath)), fileName, ['']);
      if (framework !== 'rolldown' || (format !== 'iife' && format !== 'umd') || !assets.emitted(SCOPE).has(referenceId)) return null;
      return scriptUrl(JSON.stringify(encodePath(relativePath)));
    },
    async generateBundle(_, bundle) {
      if (platform === 'browser') await emitSideFiles(state, this, bundle);
    },
    async writeBundle() {
      await state.finish((table) => this.info(`\n${table}`));
    },
    async closeBundle() {
      if (!this.meta.watchMode) await state.close();
    },
    async closeWatcher() {
      arrivals.close();
      await state.close();
    },
  };
  return {
    rootRelative: false,
    scope: () => SCOPE,
    platform: () => platform,
    isExternal: (_, specifier) => specifier === NATIVE_PACKAGE,
    watch: (context, _, files) => watchFiles(context, files, framework === 'rolldown' ? arrivals : undefined),
    async emit(context, artefact) {
      const reference = assets.emit(context as unknown as PluginContext, SCOPE, artefact);
      // In Nitro a text in which `import.meta.` occurs is changed before it is read.
      return `import.meta/**/.ROLLUP_FILE_URL_${reference}`;
    },
    hooks: { [framework]: hooks } as Hooks,
  };
}
