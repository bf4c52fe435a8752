import { resolve } from 'node:path';
import type { CompilationContext, JsPlugin, PluginLoadHookParam, PluginLoadHookResult, PluginResolveHookParam, PluginResolveHookResult } from '@farmfe/core';
import { loadRequest, PLUGIN_NAME, withModule } from '../load.ts';
import { QuantizeError } from '../../errors.ts';
import { formatRequest, pairsOf, parseQuery, parseRequest } from '../request.ts';
import { resolveModel, type ResolveHost } from '../resolve.ts';
import type { PluginState } from '../state.ts';
import { farmFiles, type FarmFiles } from './farm-files.ts';
import { NATIVE_PACKAGE, type Hooks } from './host.ts';

const SCOPE = 'farm';
/** Marks a resolution that this plugin asked for itself. */
const OWN = { caller: PLUGIN_NAME, meta: {} };

/**
 * Farm: hooks of its own, because unplugin's take importers as relative to the working directory instead of the root. Artefacts are
 * copied into the output folder, or served by a middleware: files that plugins emit travel as lists of numbers, and Farm's own assets
 * have no URL that Node could open.
 */
export function farmHooks(state: PluginState): Hooks {
  const files = farmFiles();
  const publish = async (): Promise<void> => {
    await files.write();
    await state.finish((table) => console.log(`\n${table}`));
    if (!files.isServing) await state.close();
  };
  const plugin: Partial<JsPlugin> = {
    config: (config) => ({ ...config, server: { ...config.server, middlewares: [() => files.middleware, ...(config.server?.middlewares ?? [])] } }),
    configResolved(config) {
      state.root = config.root ?? process.cwd();
      files.configure(config);
    },
    configureDevServer: () => files.serve(),
    buildStart: { executor: () => state.begin(SCOPE) },
    resolve: {
      filters: { sources: ['\\.onnx\\?', `^${NATIVE_PACKAGE}$`], importers: ['.*'] },
      async executor(params, context, hook) {
        if (params.source === NATIVE_PACKAGE) return files.isNode ? { resolvedPath: NATIVE_PACKAGE, external: true } : undefined;
        return hook?.caller === PLUGIN_NAME ? undefined : printRefusals(() => resolveRequest(state, params, context!));
      },
    },
    load: {
      // Farm looks for the expression in the path with its query.
      filters: { resolvedPaths: ['\\.onnx'] },
      executor: (params, context) => printRefusals(() => load(state, files, params, context!)),
    },
    finish: { executor: publish },
    updateFinished: { executor: publish },
  };
  return { farm: plugin };
}

async function resolveRequest(state: PluginState, { source, importer, kind }: PluginResolveHookParam, context: CompilationContext): Promise<PluginResolveHookResult | undefined> {
  const request = parseRequest(source);
  if (request === undefined) return undefined;
  const resolvedPath = await findModel(state, request.file, importer === null ? undefined : resolve(state.root, importer), async (path) => {
    return (await context.resolve({ source: path, importer, kind }, OWN))?.resolvedPath;
  });
  const query = pairsOf(formatRequest({ ...request, file: '' }));
  return resolvedPath === undefined ? undefined : { resolvedPath, query, sideEffects: false, external: false, meta: {} };
}

/** Farm quotes what hooks throw beyond recognition, so that a refusal is printed here too. */
async function printRefusals<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QuantizeError) console.error(`\n[unplugin-quantize] ${error.message}`);
    throw error;
  }
}

/** @returns undefined where there is no model, which Farm reports itself */
async function findModel(state: PluginState, file: string, importer: string | undefined, ask: ResolveHost['resolve']): Promise<string | undefined> {
  try {
    return await resolveModel(file, importer, { root: state.root, rootRelative: true, resolve: ask });
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'MODEL_NOT_FOUND') return undefined;
    throw error;
  }
}

async function load(state: PluginState, files: FarmFiles, { resolvedPath, query, moduleId }: PluginLoadHookParam, context: CompilationContext): Promise<PluginLoadHookResult | undefined> {
  try {
    const request = parseQuery(resolvedPath, `?${query.map(([key, value]) => (value === '' ? key : `${key}=${value}`)).join('&')}`);
    if (request === undefined) return undefined;
    const content = await loadRequest(state, request, {
      scope: SCOPE,
      watch: (paths) => paths.filter((path) => path !== resolvedPath).forEach((path) => context.addWatchFile(moduleId, path)),
      emit: async (artefact) => files.emit(artefact),
    });
    return { content, moduleType: 'js', sourceMap: null };
  } catch (error) {
    throw withModule(error, moduleId);
  }
}
