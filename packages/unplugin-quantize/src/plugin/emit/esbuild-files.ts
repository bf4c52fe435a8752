import { readFileSync } from 'node:fs';
import { basename, sep } from 'node:path';
import type { BuildOptions, Loader, PluginBuild } from 'esbuild';
import type { NamedFile } from '../../pipeline/index.ts';
import type { PluginState } from '../state.ts';
import { scriptUrl } from './script-url.ts';

const NAMESPACE = 'unplugin-quantize';

/** What artefacts and the files of onnxruntime-web end in. */
const EXTENSIONS = ['.onnx', '.onnx.gz', '.wasm'];

export interface FileImports {
  /** The import statement that has esbuild emit the file under its name, and the expression of its URL. */
  importOf(file: NamedFile, variable?: string): Promise<{ imports: string; expression: string }>;
}

/** What esbuild puts as it is into texts and URLs, and what Windows has in no file's name. */
const UNSAFE_IN_NAMES = /[%#?\\"<>:|*\p{Cc}]/gu;

/**
 * Lets modules import files from anywhere under a name of our choice, with esbuild's `file` loader. esbuild reads them itself by a path
 * with that name, because it takes ten times as long for many megabytes that a plugin hands over. It gets them from here where the path
 * would tell too much: comments of the output have it, and `[dir]` in names of assets; or where the user has another loader for such files.
 */
export function createFileImports(state: PluginState, build: PluginBuild): FileImports {
  const options = build.initialOptions;
  options.loader = { ...Object.fromEntries(EXTENSIONS.map((extension) => [extension, 'file'])), ...options.loader };
  const known = new Map<string, NamedFile>();
  build.onResolve({ filter: new RegExp(`^${NAMESPACE}:`) }, async ({ path: specifier }) => {
    const path = specifier.slice(NAMESPACE.length + 1);
    const readable = await readablePath(state, options, known.get(path)!);
    return readable === undefined ? { path, namespace: NAMESPACE, sideEffects: false } : { path: readable, namespace: 'file', sideEffects: false };
  });
  build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({ contents: readFileSync(known.get(path)!.file), loader: 'file' }));
  return {
    async importOf({ file, name, sha256 }, variable = 'file') {
      const safe = name.replace(UNSAFE_IN_NAMES, '_');
      const path = `${sha256}/${safe}`;
      known.set(path, { file, sha256, name: safe });
      return { imports: `import ${variable} from ${JSON.stringify(`${NAMESPACE}:${path}`)};\n`, expression: urlExpression(options, variable) };
    },
  };
}

/** Where esbuild is to read a file itself; undefined where it cannot. */
async function readablePath(state: PluginState, options: BuildOptions, file: NamedFile): Promise<string | undefined> {
  if (loaderOf(file.name, options) !== 'file' || options.assetNames?.includes('[dir]') === true) return undefined;
  if (file.name.endsWith('.wasm') && file.name === basename(file.file)) return file.file;
  return isBelow(file.file, state.root) ? state.named(file) : undefined;
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** As esbuild chooses it: by the longest ending that it has a loader for. */
function loaderOf(name: string, { loader = {} }: BuildOptions): Loader | undefined {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) if (loader[name.slice(dot)] !== undefined) return loader[name.slice(dot)];
  return undefined;
}

/** What the `file` loader gives is relative to the output file, where no publicPath is set; a relative publicPath means the page. */
function urlExpression({ format, platform, publicPath = '' }: BuildOptions, variable: string): string {
  if (publicPath !== '' && !/^(?:\/|[a-z][a-z\d+.-]*:)/i.test(publicPath)) return variable;
  const output = format ?? ({ node: 'cjs', neutral: 'esm' } as const)[platform as string] ?? 'iife';
  if (output === 'esm') return `new URL(${variable}, import.meta.url).href`;
  if (output === 'cjs') return platform === 'node' ? `new URL(${variable}, require("node:url").pathToFileURL(__filename)).href` : variable;
  return scriptUrl(variable);
}
