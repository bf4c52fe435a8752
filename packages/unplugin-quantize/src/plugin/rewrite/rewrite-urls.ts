import MagicString, { type SourceMap } from 'magic-string';
import { REQUEST_ID } from '../request.ts';
import { stringLiterals } from './string-literals.ts';

/** Modules that may hold such texts; bundlers use both as a filter. */
export const SCRIPT = /\.[cm]?[jt]sx?(?:\?|$)/;
export const REQUEST_TEXT = /\.onnx\?[^'"`\n]*quantize/;

export interface RewriteOptions {
  /** Whether URLs of model modules are always absolute, so that they need no base. */
  isAbsolute: boolean;
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
 * Imports are added at the end, where they move nothing and leave directives first.
 *
 * @param id of the module, for its source map
 * @returns undefined where there is nothing to do
 */
export function rewriteUrls(code: string, id: string, { isAbsolute }: RewriteOptions): Rewritten | undefined {
  if (!SCRIPT.test(id) || !REQUEST_TEXT.test(code)) return undefined;
  const text = new MagicString(code);
  const variables = new Map<string, string>();
  const variableOf = (specifier: string): string => {
    const name = variables.get(specifier) ?? unusedName(code, variables.size);
    variables.set(specifier, name);
    return name;
  };
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
        text.update(from, to + suffix.length, variableOf(`${specifier}&as=path`));
      } else if (isAbsolute) text.update(from, to, `new URL(${variableOf(`${specifier}&url`)})`);
      else text.update(start, end, variableOf(`${specifier}&url`));
    } else if (CREATE.test(before)) text.update(start, end, variableOf(`${value}&as=path`));
  }
  if (variables.size === 0) return undefined;
  for (const [specifier, name] of variables) text.append(`\nimport ${name} from ${JSON.stringify(specifier)};`);
  return { code: text.toString(), map: text.generateMap({ source: id, hires: 'boundary', includeContent: true }) };
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
