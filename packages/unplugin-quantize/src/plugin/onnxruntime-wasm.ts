import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import MagicString from 'magic-string';
import type { PluginContext, SourceMap } from 'rollup';

/** onnxruntime-web's builds with the loader of the .wasm file inlined: those that its package `exports`. */
export const ONNXRUNTIME_WEB = /[\\/]onnxruntime-web[\\/]dist[\\/]ort\.(?:\w+\.)?bundle\.min\.mjs$/;

/** How they name the .wasm file. */
export const WASM_URL = /new URL\("(ort-wasm[\w.-]*\.wasm)",\s?import\.meta\.url\)/g;

/**
 * Emits the .wasm file that onnxruntime-web expects beside its own module and points the module at it, for bundlers that leave
 * `new URL(file, import.meta.url)` as it is, so that the file would be missing. A file named twice is emitted once.
 */
export async function emitOnnxruntimeWasm(context: Pick<PluginContext, 'emitFile'>, code: string, id: string): Promise<{ code: string; map: SourceMap }> {
  const text = new MagicString(code);
  const references = new Map<string, string>();
  for (const match of code.matchAll(WASM_URL)) {
    const name = match[1]!;
    const reference = references.get(name) ?? context.emitFile({ type: 'asset', name, source: await readFile(join(dirname(id), name)) });
    references.set(name, reference);
    text.update(match.index, match.index + match[0].length, `new URL(import.meta.ROLLUP_FILE_URL_${reference})`);
  }
  return { code: text.toString(), map: text.generateMap({ hires: 'boundary' }) };
}
