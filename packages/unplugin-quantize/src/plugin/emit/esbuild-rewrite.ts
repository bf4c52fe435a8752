import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Loader, OnLoadArgs, OnLoadResult, PluginBuild } from 'esbuild';
import { rewriteUrls } from '../rewrite/rewrite-urls.ts';

/** How esbuild reads files that nobody set a loader for. */
const LOADERS: Record<string, Loader> = { '.js': 'js', '.mjs': 'js', '.cjs': 'js', '.jsx': 'jsx', '.ts': 'ts', '.mts': 'ts', '.cts': 'ts', '.tsx': 'tsx' };
const MARK = Buffer.from('.onnx?');

/** The app's own modules with texts that name models turned into imports; all others esbuild reads itself. */
export async function rewriteFile(build: PluginBuild, { path }: OnLoadArgs): Promise<OnLoadResult | undefined> {
  if (/[\\/]node_modules[\\/]/.test(path)) return undefined;
  const source = await readFile(path);
  const rewritten = source.includes(MARK) ? rewriteUrls(source.toString(), path, { isAbsolute: false, hasRequire: true }) : undefined;
  if (rewritten === undefined) return undefined;
  const extension = extname(path);
  return { contents: `${rewritten.code}\n//# sourceMappingURL=${rewritten.map.toUrl()}`, loader: build.initialOptions.loader?.[extension] ?? LOADERS[extension] ?? 'default' };
}
