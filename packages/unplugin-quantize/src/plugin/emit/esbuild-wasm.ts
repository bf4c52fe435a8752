import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OnLoadResult } from 'esbuild';
import MagicString from 'magic-string';
import { WASM_URL } from '../onnxruntime-wasm.ts';
import type { FileImports } from './esbuild-files.ts';

/** Has esbuild emit the .wasm files that onnxruntime-web looks for beside its own module, and points the module at them. */
export async function bundleWasm(files: FileImports, path: string): Promise<OnLoadResult> {
  const code = await readFile(path, 'utf8');
  const text = new MagicString(code);
  const variables = new Map<string, string>();
  for (const { 0: match, 1: name = '', index } of code.matchAll(WASM_URL)) {
    const variable = variables.get(name) ?? `__ort_wasm_${variables.size}`;
    const { imports, expression } = files.importOf({ file: join(dirname(path), name), name, key: 'onnxruntime-web' }, variable);
    if (!variables.has(name)) text.prepend(imports);
    variables.set(name, variable);
    text.update(index, index + match.length, `new URL(${expression})`);
  }
  const map = text.generateMap({ hires: 'boundary', source: path, includeContent: false });
  return { contents: `${text.toString().replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')}\n//# sourceMappingURL=${map.toUrl()}`, loader: 'js' };
}
