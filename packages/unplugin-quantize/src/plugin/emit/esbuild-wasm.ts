import { readFile } from 'node:fs/promises';
import type { OnLoadResult } from 'esbuild';
import { placeWasm } from '../onnxruntime-wasm.ts';
import type { PluginState } from '../state.ts';
import type { FileImports } from './esbuild-files.ts';

/** Has esbuild emit the .wasm files that onnxruntime-web looks for beside its own module, and points the module at them. */
export async function bundleWasm(state: PluginState, files: FileImports, path: string): Promise<OnLoadResult> {
  const imported: string[] = [];
  const text = await placeWasm(await readFile(path, 'utf8'), path, (file) => state.wasmParts(file), async (part) => {
    const { imports, expression } = await files.importOf(part, `__ort_wasm_${imported.length}`);
    imported.push(imports);
    return expression;
  });
  text.prepend(imported.join(''));
  const map = text.generateMap({ hires: 'boundary', source: path, includeContent: false });
  return { contents: `${text.toString().replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')}\n//# sourceMappingURL=${map.toUrl()}`, loader: 'js' };
}
