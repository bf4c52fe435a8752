import { readFileSync } from 'node:fs';
import type { BuildOptions, PluginBuild } from 'esbuild';
import { scriptUrl } from './script-url.ts';

const NAMESPACE = 'unplugin-quantize';

export interface ImportedFile {
  /** Absolute path. */
  file: string;
  /** Name to emit it under. */
  name: string;
  /** Differs where the content does. */
  key: string;
}

export interface FileImports {
  /** The import statement that has esbuild emit the file, and the expression of its URL. */
  importOf(file: ImportedFile, variable?: string): { imports: string; expression: string };
}

/** Lets modules import files from anywhere under a name of our choice, with esbuild's `file` loader whatever the user set for such files. */
export function createFileImports(build: PluginBuild): FileImports {
  const known = new Map<string, string>();
  build.onResolve({ filter: new RegExp(`^${NAMESPACE}:`) }, ({ path }) => ({ path: path.slice(NAMESPACE.length + 1), namespace: NAMESPACE, sideEffects: false }));
  build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({ contents: readFileSync(known.get(path)!), loader: 'file' }));
  return {
    importOf({ file, name, key }, variable = 'file') {
      // esbuild puts the name into URLs as it is.
      const path = `${key}/${name.replace(/[%#?\\]/g, '_')}`;
      known.set(path, file);
      return { imports: `import ${variable} from ${JSON.stringify(`${NAMESPACE}:${path}`)};\n`, expression: urlExpression(build.initialOptions, variable) };
    },
  };
}

/** What the `file` loader gives is relative to the output file, where no publicPath is set; a relative publicPath means the page. */
function urlExpression({ format, platform, publicPath = '' }: BuildOptions, variable: string): string {
  if (publicPath !== '' && !/^(?:\/|[a-z][a-z\d+.-]*:)/i.test(publicPath)) return variable;
  const output = format ?? ({ node: 'cjs', neutral: 'esm' } as const)[platform as string] ?? 'iife';
  if (output === 'esm') return `new URL(${variable}, import.meta.url).href`;
  if (output === 'cjs') return platform === 'node' ? `new URL(${variable}, require("node:url").pathToFileURL(__filename)).href` : variable;
  return scriptUrl(variable);
}
