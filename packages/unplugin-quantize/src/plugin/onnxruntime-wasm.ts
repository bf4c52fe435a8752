import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import MagicString from 'magic-string';
import type { SourceMap } from 'rollup';

/** onnxruntime-web's builds with the loader of the .wasm file inlined: those that its package `exports`. */
export const ONNXRUNTIME_WEB = /[\\/]onnxruntime-web[\\/]dist[\\/]ort\.(?:\w+\.)?bundle\.min\.mjs$/;

/** How they name the .wasm file. */
export const WASM_URL = /new URL\("(ort-wasm[\w.-]*\.wasm)",\s?import\.meta\.url\)/g;

/** A file to publish under a name. */
export interface WasmPart {
  file: string;
  name: string;
}

/**
 * Emits the .wasm file that onnxruntime-web expects beside its own module and points the module at it, for bundlers that leave
 * `new URL(file, import.meta.url)` as it is, so that the file would be missing. A file named twice is emitted once; one that is larger
 * than a host takes is emitted in parts.
 *
 * @param partsOf the files that a .wasm file becomes
 */
export async function emitOnnxruntimeWasm(
  context: Emitter, code: string, id: string, partsOf: (path: string) => Promise<WasmPart[]>,
): Promise<{ code: string; map: SourceMap }> {
  const text = new MagicString(code);
  const urls = new Map<string, string[]>();
  for (const match of code.matchAll(WASM_URL)) {
    const name = match[1]!;
    const known = urls.get(name) ?? (await partsOf(join(dirname(id), name))).map((part) => emitPart(context, part));
    urls.set(name, known);
    // Vite gives paths where the others give URLs.
    text.update(match.index, match.index + match[0].length, `new URL(${known[0]!}, globalThis.location?.href)`);
  }
  for (const parts of urls.values()) if (parts.length > 1) text.prepend(joiner(parts));
  return { code: text.toString(), map: text.generateMap({ hires: 'boundary' }) };
}

interface Emitter {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array }): string;
}

function emitPart(context: Emitter, { file, name }: WasmPart): string {
  return `import.meta.ROLLUP_FILE_URL_${context.emitFile({ type: 'asset', name, source: readFileSync(file) })}`;
}

/** A `fetch` of the module's own, which gives all parts for the first one. onnxruntime-web fetches its .wasm file by that name. */
function joiner(parts: readonly string[]): string {
  return `const __ort_parts = [${parts.join(', ')}].map((url) => new URL(url, location.href).href);
const fetch = async (input, init) => {
  if (String(input) !== __ort_parts[0]) return globalThis.fetch(input, init);
  const answers = await Promise.all(__ort_parts.map((url) => globalThis.fetch(url, init)));
  const refusal = answers.find((answer) => !answer.ok);
  if (refusal) return refusal;
  return new Response(new Blob(await Promise.all(answers.map((answer) => answer.arrayBuffer()))), { headers: { 'Content-Type': 'application/wasm' } });
};
`;
}
