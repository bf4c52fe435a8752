import MagicString, { type SourceMap } from 'magic-string';
import { REQUEST_ID } from '../request.ts';
import { isCommonJs, SCRIPT, scriptRanges } from './scripts.ts';
import { stringLiterals } from './string-literals.ts';

/** Bundlers use it as a filter. */
export const REQUEST_TEXT = /\.onnx\?[^'"`\n]*quantize/;

export interface RewriteOptions {
  /** Whether URLs of model modules are always absolute, so that they need no base. */
  isAbsolute: boolean;
  /** Whether the bundler knows `require` in any module. */
  hasRequire: boolean;
}

export interface Rewritten {
  code: string;
  map: SourceMap;
}

const CREATE = /\bInferenceSession\s*\.\s*create\s*\(\s*$/;
const NEW_URL = /\bnew\s+URL\s*\(\s*$/;
const BASE = /^\s*,\s*import\s*\.\s*meta\s*\.\s*url\s*,?\s*\)/;
const AS_TEXT = /^\s*\.\s*(?:href\b(?!\s*\()|toString\s*\(\s*\))/;

/**
 * Turns texts that name models into imports of them:
 *
 *     new URL('./m.onnx?quantize', import.meta.url)                            the URL of the artefact
 *     InferenceSession.create('./m.onnx?quantize')                             a path in Node, a URL elsewhere, as onnxruntime takes it
 *     InferenceSession.create(new URL('./m.onnx?quantize', import.meta.url))   the same, also with `.href`
 *
 * Imports are added at the end, where they move nothing and leave directives first; CommonJS gets `require`.
 *
 * @param id of the module, for its source map
 * @returns undefined where there is nothing to do
 */
export function rewriteUrls(code: string, id: string, options: RewriteOptions): Rewritten | undefined {
  if (!SCRIPT.test(id) || !REQUEST_TEXT.test(code)) return undefined;
  const text = new MagicString(code);
  const names = new Set<string>();
  const requires = options.hasRequire && isCommonJs(code, id);
  for (const { start, end } of scriptRanges(code, id)) {
    const imports: string[] = [];
    const own = new Map<string, string>();
    const valueOf = (specifier: string): string => {
      if (requires) return `require(${JSON.stringify(specifier)}).default`;
      const name = own.get(specifier) ?? unusedName(code, names.size);
      if (!own.has(specifier)) imports.push(`\nimport ${name} from ${JSON.stringify(specifier)};`);
      own.set(specifier, name);
      names.add(name);
      return name;
    };
    rewriteScript(text, code.slice(start, end), start, options, valueOf);
    if (imports.length > 0) text.appendLeft(end, imports.join(''));
  }
  if (!text.hasChanged()) return undefined;
  return { code: text.toString(), map: text.generateMap({ source: id, hires: 'boundary', includeContent: true }) };
}

/** @param offset of the script in the text; `valueOf` gives the expression of a model's URL or path */
function rewriteScript(text: MagicString, code: string, offset: number, { isAbsolute }: RewriteOptions, valueOf: (specifier: string) => string): void {
  const update = (start: number, end: number, expression: string): void => void text.update(offset + start, offset + end, expression);
  for (const { start, end, value } of stringLiterals(code)) {
    if (!REQUEST_ID.test(value)) continue;
    const before = code.slice(Math.max(0, start - 200), start);
    const url = NEW_URL.exec(before);
    const base = BASE.exec(code.slice(end, end + 200));
    if (url !== null && base !== null) {
      const from = start - url[0].length;
      const to = end + base[0].length;
      const specifier = asImport(value);
      if (CREATE.test(code.slice(Math.max(0, from - 200), from))) {
        const suffix = AS_TEXT.exec(code.slice(to, to + 50))?.[0] ?? '';
        update(from, to + suffix.length, valueOf(`${specifier}&as=path`));
      } else if (isAbsolute) update(from, to, `new URL(${valueOf(`${specifier}&url`)})`);
      else update(start, end, valueOf(`${specifier}&url`));
    } else if (CREATE.test(before)) update(start, end, valueOf(`${value}&as=path`));
  }
}

/** What a URL relative to the module means as an import: its path is decoded, and without a dot it is no package. */
function asImport(url: string): string {
  const path = url.slice(0, url.indexOf('?'));
  const decoded = path.includes('%') ? decode(path) : path;
  return (/^(?:\.{0,2}\/)/.test(decoded) ? decoded : `./${decoded}`) + url.slice(path.length);
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function unusedName(code: string, index: number): string {
  for (let name = `__quantized_${index}`; ; name = `_${name}`) if (!code.includes(name)) return name;
}
