import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import type { LoaderContext } from 'webpack';
import { loadRequest, withModule } from '../load.ts';
import { ONNXRUNTIME_WEB, placeWasm } from '../onnxruntime-wasm.ts';
import { parseQuery } from '../request.ts';
import type { Platform } from '../platform.ts';
import type { PluginState } from '../state.ts';
import type { Artefact } from './host.ts';
import { watchInLoader } from './loader-watch.ts';
import { movedUrl } from './moved-output.ts';
import { loadInTurbopack } from './turbopack-load.ts';

export interface QuantizeLoaderOptions {
  state: PluginState;
  scope: string;
  /** Known when the compiler has its defaults. */
  platform(): Platform;
}

export type Context = LoaderContext<QuantizeLoaderOptions>;

async function loadModuleOf(context: Context): Promise<string | undefined> {
  if (ONNXRUNTIME_WEB.test(context.resourcePath)) return loadEngine(context);
  const request = parseQuery(context.resourcePath, context.resourceQuery);
  if (request === undefined) return undefined;
  const { _compilation: compilation } = context;
  if (compilation === undefined) return loadInTurbopack(context as unknown as Parameters<typeof loadInTurbopack>[0], request);
  // Our own cache knows the samples, the engines and the options too; the bundler's would also leave the model out of the report.
  context.cacheable(false);
  const { state, scope, platform } = context.query as unknown as QuantizeLoaderOptions;
  try {
    return await loadRequest(state, request, {
      scope,
      platform: platform(),
      watch: (files) => files.forEach((file) => watchInLoader(context, file)),
      emit: (artefact) => emit(context, artefact),
    });
  } catch (error) {
    // The message says all that a user can act on; a stack of our own files hides it.
    throw Object.assign(withModule(error, context.resource) as Error, { hideStack: true });
  }
}

/** onnxruntime-web's module with its .wasm file in parts. */
async function loadEngine(context: Context): Promise<string> {
  const { state } = context.query as unknown as QuantizeLoaderOptions;
  const code = await readFile(context.resourcePath, 'utf8');
  const text = await placeWasm(code, context.resourcePath, (path) => state.wasmParts(path), ({ file, name, sha256 }) => emit(context, { file, fileName: name, sha256 }));
  return text.toString();
}

/** The code of a model's module; undefined for other modules. */
export const loadModule = function (this: Context): Promise<string | undefined> {
  return loadModuleOf(this);
};

/**
 * Emits the artefact under the name that the bundler gives to assets. Its URL is made as the bundler makes that of `new URL(asset)`: by
 * publicPath, and the base of documents in browsers or of files in Node.
 */
async function emit(context: Context, { file, fileName, sha256 }: Artefact): Promise<string> {
  const source = relative(context.rootContext, context.resourcePath).split(sep).join('/');
  const published = source.replace(/[^/]*$/, fileName);
  const name = assetName(context, published, sha256);
  context.emitFile(name, readFileSync(file), undefined, { sourceFilename: published, immutable: name.includes(sha256.slice(0, 8)) });
  const path = name.split('/').map(encodeURIComponent).join('/');
  const url = `__webpack_public_path__ + ${JSON.stringify(path)}`;
  const { platform } = context.query as unknown as QuantizeLoaderOptions;
  // Where files are published for browsers is no place on a disk.
  if (platform() === 'node' && isForBrowsers(context)) return movedUrl(url, name, [''], '__webpack_base_uri__');
  return `new URL(${url}, __webpack_base_uri__).href`;
}

function isForBrowsers({ _compilation: compilation }: Context): boolean {
  const { publicPath } = compilation!.outputOptions;
  return typeof publicPath === 'function' || (publicPath !== 'auto' && /^(?:\/|[a-z][\w+.-]+:)/i.test(publicPath ?? ''));
}

/** Characters of file names that the bundlers take for placeholders or for a query. */
const UNSAFE_IN_NAMES = /[?#[\]]/g;

function assetName({ _compilation: compilation }: Context, source: string, sha256: string): string {
  if (compilation === undefined) throw new Error('The model is loaded outside of a compilation.');
  const { assetModuleFilename, hashDigestLength } = compilation.outputOptions;
  const { generator } = compilation.options.module;
  const wanted = generator['asset/resource']?.filename ?? generator.asset?.filename ?? assetModuleFilename;
  const data = { filename: source.replace(UNSAFE_IN_NAMES, '_'), contentHash: sha256 };
  const template = typeof wanted === 'function' ? wanted(data as Parameters<typeof wanted>[0]) : wanted;
  // In names of assets all hashes mean the content's, which exists before the module does.
  const named = (template ?? '[hash][ext]').replace(/\[(?:content|module|full)?hash(?::(\d+))?\]/g, (_, length: string | undefined) => sha256.slice(0, Number(length ?? hashDigestLength ?? 20)));
  return compilation.getAssetPath(named, data);
}
