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
  sha256: string;
}

/**
 * Publishes the .wasm file that onnxruntime-web expects beside its own module and points the module at it, for bundlers that leave
 * `new URL(file, import.meta.url)` as it is, so that the file would be missing. A file named twice is published once; one that is larger
 * than a host takes is published in parts.
 *
 * @param id path of the module
 * @param partsOf the files that a .wasm file becomes
 * @param publish gives the expression of a file's URL
 */
export async function placeWasm(code: string, id: string, partsOf: (path: string) => Promise<WasmPart[]>, publish: (part: WasmPart) => string | Promise<string>): Promise<MagicString> {
  const text = new MagicString(code);
  const urls = new Map<string, string[]>();
  for (const { 0: match, 1: name = '', index } of code.matchAll(WASM_URL)) {
    const known = urls.get(name) ?? (await publishAll(await partsOf(join(dirname(id), name)), publish));
    urls.set(name, known);
    // Some bundlers give paths where the others give URLs.
    text.update(index, index + match.length, `new URL(${known[0]!}, globalThis.location?.href)`);
  }
  for (const parts of urls.values()) if (parts.length > 1) text.prepend(joiner(parts));
  return text;
}

async function publishAll(parts: readonly WasmPart[], publish: (part: WasmPart) => string | Promise<string>): Promise<string[]> {
  const expressions: string[] = [];
  for (const part of parts) expressions.push(await publish(part));
  return expressions;
}

interface Emitter {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array }): string;
}

/** The same in bundlers with Rollup's emitFile. */
export async function emitOnnxruntimeWasm(context: Emitter, code: string, id: string, partsOf: (path: string) => Promise<WasmPart[]>): Promise<{ code: string; map: SourceMap }> {
  const text = await placeWasm(code, id, partsOf, ({ file, name }) => `import.meta.ROLLUP_FILE_URL_${context.emitFile({ type: 'asset', name, source: readFileSync(file) })}`);
  return { code: text.toString(), map: text.generateMap({ hires: 'boundary' }) };
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
