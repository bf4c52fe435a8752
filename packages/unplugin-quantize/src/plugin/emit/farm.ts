import { readFile } from 'node:fs/promises';
import { normalize, resolve } from 'node:path';
import type { CompilationContext, JsPlugin, PluginLoadHookParam, PluginLoadHookResult, PluginResolveHookParam, PluginResolveHookResult } from '@farmfe/core';
import { createArrivals, type Arrivals } from '../arrivals.ts';
import { loadRequest, PLUGIN_NAME, withModule } from '../load.ts';
import { QuantizeError } from '../../errors.ts';
import { escapeForId, unescapeFromId } from '../escape.ts';
import { ONNXRUNTIME_IMPORT, sameBuild } from '../onnxruntime-build.ts';
import { ONNXRUNTIME_WEB, placeWasm, type WasmPart } from '../onnxruntime-wasm.ts';
import { formatRequest, parseRequest } from '../request.ts';
import { resolveModel, type ResolveHost } from '../resolve.ts';
import { rewriteUrls } from '../rewrite/rewrite-urls.ts';
import { SCRIPT } from '../rewrite/scripts.ts';
import type { PluginState } from '../state.ts';
import { farmFiles, type FarmFiles } from './farm-files.ts';
import { NATIVE_PACKAGE, type Hooks } from './host.ts';

const SCOPE = 'farm';
/** A module's path has the query in it: Farm panics when a watched file changes that is the path of modules with queries. */
const MODULE_PATH = /\.onnx=3F(?:.*=26)?quantize(?:=3D|=26|$)/;
/** Marks a resolution that this plugin asked for itself. */
const OWN = { caller: PLUGIN_NAME, meta: {} };

/**
 * Farm: hooks of its own, because unplugin's take importers as relative to the working directory instead of the root. Artefacts are
 * copied into the output folder, or served by a middleware: files that plugins emit travel as lists of numbers, and Farm's own assets
 * have no URL that Node could open.
 */
export function farmHooks(state: PluginState): Hooks {
  const files = farmFiles(state);
  const arrivals = createArrivals();
  const publish = async (): Promise<void> => {
    await files.write();
    await state.finish((table) => console.log(`\n${table}`));
    if (!files.isServing) await state.close();
  };
  const plugin: Partial<JsPlugin> = {
    // Farm's cache reads what is watched as text, which models are not, and would leave artefacts out of the output; ours has them.
    config: (config) => ({ ...config, compilation: { ...config.compilation, persistentCache: false }, server: { ...config.server, middlewares: [() => files.middleware, ...(config.server?.middlewares ?? [])] } }),
    configResolved(config) {
      state.root = config.root ?? process.cwd();
      files.configure(config);
    },
    configureDevServer: () => files.serve(),
    buildStart: { executor: () => state.begin(SCOPE) },
    resolve: {
      filters: { sources: ['\\.onnx\\?', MODULE_PATH.source, `^${NATIVE_PACKAGE}$`, ONNXRUNTIME_IMPORT.source], importers: ['.*'] },
      async executor(params, context, hook) {
        if (params.source === NATIVE_PACKAGE) return files.isNode ? { resolvedPath: NATIVE_PACKAGE, external: true } : undefined;
        if (hook?.caller === PLUGIN_NAME) return undefined;
        if (ONNXRUNTIME_IMPORT.test(params.source)) return files.isNode ? undefined : resolveEngine(state, params, context!);
        return printRefusals(() => resolveRequest(state, params, context!));
      },
    },
    load: {
      filters: { resolvedPaths: [MODULE_PATH.source, ONNXRUNTIME_WEB.source] },
      executor: (params, context) => (ONNXRUNTIME_WEB.test(params.resolvedPath) ? loadEngine(state, files, params.resolvedPath) : printRefusals(() => load(state, files, arrivals, params, context!))),
    },
    transform: {
      filters: { resolvedPaths: [SCRIPT.source], moduleTypes: ['js', 'jsx', 'ts', 'tsx'] },
      async executor({ content, resolvedPath }) {
        const rewritten = rewriteUrls(content, resolvedPath, { isAbsolute: false, hasRequire: true });
        return rewritten === undefined ? { content } : { content: rewritten.code, sourceMap: rewritten.map.toString() };
      },
    },
    finish: { executor: publish },
    updateFinished: { executor: publish },
  };
  return { farm: plugin };
}

async function resolveRequest(state: PluginState, { source, importer, kind }: PluginResolveHookParam, context: CompilationContext): Promise<PluginResolveHookResult | undefined> {
  // An update asks for the paths of modules.
  if (MODULE_PATH.test(source)) return resolved(source);
  const request = parseRequest(source);
  if (request === undefined) return undefined;
  const file = await findModel(state, request.file, importer === null ? undefined : resolve(state.root, importer), async (path) => {
    return (await context.resolve({ source: path, importer, kind }, OWN))?.resolvedPath;
  });
  if (file === undefined) return undefined;
  state.declarations?.imported(source, file);
  return resolved(escapeForId(formatRequest({ ...request, file })));
}

function resolved(resolvedPath: string): PluginResolveHookResult {
  return { resolvedPath, query: [], sideEffects: false, external: false, meta: {} };
}

/** Farm gives paths with two slashes for what a package `exports`. */
async function resolveEngine({ onnxruntime }: PluginState, { source, importer, kind }: PluginResolveHookParam, context: CompilationContext): Promise<PluginResolveHookResult | undefined> {
  const found = (await context.resolve({ source, importer, kind }, OWN))?.resolvedPath;
  if (found === undefined) return undefined;
  const path = normalize(found);
  return { ...resolved((onnxruntime && sameBuild(path, onnxruntime)) ?? path), sideEffects: true };
}

/** Farm panics at the URLs by which onnxruntime-web looks for its .wasm files. */
async function loadEngine(state: PluginState, files: FarmFiles, path: string): Promise<PluginLoadHookResult> {
  const publish = ({ file, name, sha256 }: WasmPart): string => files.emit({ file, fileName: name, sha256 });
  const text = await placeWasm(await readFile(path, 'utf8'), path, (file) => state.wasmParts(file), publish);
  return { content: text.toString(), moduleType: 'js', sourceMap: null };
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

async function load(state: PluginState, files: FarmFiles, arrivals: Arrivals, { resolvedPath, moduleId }: PluginLoadHookParam, context: CompilationContext): Promise<PluginLoadHookResult | undefined> {
  try {
    const request = parseRequest(unescapeFromId(resolvedPath));
    if (request === undefined) return undefined;
    const content = await loadRequest(state, request, {
      scope: SCOPE,
      platform: files.isNode ? 'node' : 'browser',
      // Farm is told of changes alone.
      watch: (paths) => [...paths, ...(files.isRepeated ? arrivals.signalsOf(paths) : [])].forEach((path) => context.addWatchFile(moduleId, path)),
      emit: async (artefact) => files.emit(artefact),
    });
    return { content, moduleType: 'js', sourceMap: null };
  } catch (error) {
    throw withModule(error, moduleId);
  }
}
