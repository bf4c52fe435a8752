import { statSync } from 'node:fs';
import type { OnLoadArgs, OnLoadResult, OnResolveArgs, OnResolveResult, PartialMessage, PluginBuild } from 'esbuild';
import { QuantizeError } from '../../errors.ts';
import { loadRequest } from '../load.ts';
import { ONNXRUNTIME_IMPORT, sameBuild } from '../onnxruntime-build.ts';
import { ONNXRUNTIME_WEB } from '../onnxruntime-wasm.ts';
import { formatRequest, parseQuery, parseRequest } from '../request.ts';
import { resolveModel } from '../resolve.ts';
import type { Platform } from '../platform.ts';
import type { PluginState } from '../state.ts';
import { writeSideFiles } from './esbuild-side-files.ts';
import { createFileImports, type FileImports } from './esbuild-files.ts';
import { bundleWasm } from './esbuild-wasm.ts';
import { NATIVE_PACKAGE, type Hooks } from './host.ts';
import { rewriteFile } from './esbuild-rewrite.ts';

const SCOPE = 'esbuild';
/** Marks a resolution that this plugin asked for itself. */
const OWN = Symbol('unplugin-quantize');

/**
 * esbuild: hooks of its own, because unplugin's put modules into a namespace, whose absolute paths would show in the output. Artefacts
 * are imported with the `file` loader, which obeys assetNames and publicPath, with outfile too.
 */
export function esbuildHooks(state: PluginState): Hooks {
  return { esbuild: { setup: (build) => setUp(state, build) } };
}

function setUp(state: PluginState, build: PluginBuild): void {
  const { absWorkingDir, platform, logLevel = 'info' } = build.initialOptions;
  const files = createFileImports(state, build);
  // It tells where outputs are.
  if (state.precompress.length > 0) build.initialOptions.metafile = true;
  if (absWorkingDir !== undefined) state.root = absWorkingDir;
  state.warn = (message) => console.error(`[unplugin-quantize] ${message}`);
  state.isQuiet = ['silent', 'error', 'warning'].includes(logLevel);
  build.onStart(() => state.begin(SCOPE));
  build.onResolve({ filter: /\.onnx\?/ }, (args) => refusalsAsErrors(() => resolveRequest(state, build, args)));
  build.onLoad({ filter: /\.onnx$/, namespace: 'file' }, (args) => load(state, files, platform === 'node' ? 'node' : 'browser', args));
  if (platform === 'node') build.onResolve({ filter: new RegExp(`^${NATIVE_PACKAGE}$`) }, ({ path }) => ({ path, external: true }));
  else {
    build.onResolve({ filter: ONNXRUNTIME_IMPORT }, (args) => resolveEngine(state, build, args));
    build.onLoad({ filter: new RegExp(ONNXRUNTIME_WEB.source) }, ({ path }) => bundleWasm(state, files, path));
  }
  build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, (args) => rewriteFile(build, args));
  build.onEnd(async (result) => {
    const { errors } = result;
    if (errors.length === 0 && platform !== 'node') await writeSideFiles(state, build.initialOptions, result);
    if (errors.length === 0) await state.finish((table) => void (state.isQuiet || console.error(`\n${table}`)));
  });
  build.onDispose(() => void state.close());
}

async function resolveRequest(state: PluginState, build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult | undefined> {
  if (args.pluginData === OWN) return undefined;
  const request = parseRequest(args.path);
  if (request === undefined) return undefined;
  const { importer, namespace, resolveDir, kind } = args;
  const missing: string[] = [];
  try {
    const file = await resolveModel(request.file, importer === '' ? undefined : importer, {
      root: state.root,
      rootRelative: false,
      resolve: async (path) => {
        const found = await build.resolve(path, { importer, namespace, resolveDir, kind, pluginData: OWN });
        return found.errors.length > 0 || found.external ? undefined : found.path;
      },
      missing: (paths) => missing.push(...paths),
    });
    state.declarations?.imported(args.path, file);
    return { path: file, suffix: formatRequest({ ...request, file: '' }), namespace: 'file', sideEffects: false };
  } catch (error) {
    return { errors: [messageOf(error)], watchFiles: missing };
  }
}

async function resolveEngine({ onnxruntime }: PluginState, build: PluginBuild, { path, importer, namespace, resolveDir, kind, pluginData }: OnResolveArgs): Promise<OnResolveResult | undefined> {
  if (pluginData === OWN || onnxruntime === undefined) return undefined;
  const found = await build.resolve(path, { importer, namespace, resolveDir, kind, pluginData: OWN });
  const file = found.errors.length > 0 || found.external ? undefined : sameBuild(found.path, onnxruntime);
  return file === undefined ? undefined : { path: file, sideEffects: found.sideEffects };
}

async function load(state: PluginState, files: FileImports, platform: Platform, { path, suffix }: OnLoadArgs): Promise<OnLoadResult | undefined> {
  const request = parseQuery(path, suffix);
  if (request === undefined) return undefined;
  const watchFiles: string[] = [];
  const watchDirs: string[] = [];
  const watch = (path: string): void => void (isFolder(path) ? watchDirs : watchFiles).push(path);
  try {
    const contents = await loadRequest(state, request, {
      scope: SCOPE,
      platform,
      watch: (paths) => paths.forEach(watch),
      emit: ({ file, fileName, sha256 }) => files.importOf({ file, name: fileName, sha256 }, `file_${sha256.slice(0, 16)}`),
    });
    return { contents, loader: 'js', watchFiles, watchDirs };
  } catch (error) {
    return { errors: [messageOf(error)], watchFiles, watchDirs };
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function refusalsAsErrors<T>(work: () => Promise<T>): Promise<T | { errors: PartialMessage[] }> {
  return work().catch((error: unknown) => ({ errors: [messageOf(error)] }));
}

/** A refusal as esbuild prints it, without a stack of our own files; other errors keep theirs. */
function messageOf(error: unknown): PartialMessage {
  if (!(error instanceof QuantizeError)) throw error;
  const [text, ...notes] = error.message.split('\n');
  return { text, notes: notes.map((note) => ({ text: note.trim() })), detail: error };
}
