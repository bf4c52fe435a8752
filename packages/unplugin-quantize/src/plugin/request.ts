import { QuantizeError } from '../errors.ts';
import { checkKey, MODEL_OPTIONS, resolveModelOptions, type ModelOptions } from '../options.ts';
import { escapeForId, unescapeFromId } from './escape.ts';

/** What an import such as `./model.onnx?quantize=int8&ops=MatMul,Conv` asks for. */
export interface ModelRequest {
  /** The path before the query: as written in the import, absolute in a resolved id. */
  file: string;
  /** Options that the query sets. */
  options: ModelOptions;
  /** True when the module exports the URL alone. */
  url: boolean;
  /** With `url`: a path in Node, as onnxruntime takes it. */
  path?: true;
}

/** Ids that belong to this plugin; bundlers use it as a filter before they call a hook. Ids that start with NUL are other plugins'. */
export const REQUEST_ID = /^[^\0][^?]*\.onnx\?(?:[^?]*&)?quantize(?:[=&]|$)/;
/** Their query, from the question mark on. */
export const REQUEST_QUERY = /^\?(?:[^?]*&)?quantize(?:[=&]|$)/;

/** Keys that bundlers put into ids for themselves. */
const HOST_KEYS = new Set(['import', 't', 'v', 'html-proxy']);
/** Marks ids whose path and values are escaped, because a file may really be named `a=23.onnx`. */
const ESCAPED = 'escaped';
/** `as=url` in ids stands for `url` in imports: Vite keeps that key for its own assets and their access rules. `as=path` is for rewritten texts. */
const AS = 'as';

const OPTION_KEYS = (Object.keys(MODEL_OPTIONS) as (keyof ModelOptions)[]).filter((key) => MODEL_OPTIONS[key].query);
const KNOWN_KEYS = ['quantize', 'url', ...OPTION_KEYS];

type Kind = (typeof MODEL_OPTIONS)[keyof ModelOptions]['kind'];

/** How the text of a query becomes a value; what it may be is checked by `resolveModelOptions`. */
const PARSERS: Partial<Record<Kind, (text: string) => unknown>> = {
  ops: splitList,
  names: splitList,
  words: splitList,
  targets: splitList,
  count: readCount,
  block: readCount,
  flag: (text) => (text === '' ? true : ({ true: true, false: false }[text] ?? text)),
};

/**
 * Reads an import specifier or a module id.
 *
 * @returns undefined where the query does not ask for quantization
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function parseRequest(id: string): ModelRequest | undefined {
  if (!REQUEST_ID.test(id)) return undefined;
  const start = id.indexOf('?');
  const query = id.slice(start);
  const file = id.slice(0, start);
  return parseQuery(isEscaped(query) ? unescapeFromId(file) : file, query);
}

/**
 * The same where a bundler keeps path and query apart; the path is taken as it is, because a file's name may look like anything.
 *
 * @param query from the question mark on
 */
export function parseQuery(file: string, query: string): ModelRequest | undefined {
  if (!REQUEST_QUERY.test(query)) return undefined;
  const decode = isEscaped(query) ? unescapeFromId : decodePercent;
  try {
    return { file, ...readPairs(pairsOf(query).map(([key, text]) => [key, decode(text)])) };
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(file) : error;
  }
}

/** The keys and values of a query, as they are written. */
export function pairsOf(query: string): [string, string][] {
  return query.slice(1).split('&').filter((pair) => pair !== '').map(splitPair);
}

function isEscaped(query: string): boolean {
  return pairsOf(query).some(([key]) => key === ESCAPED);
}

/** The module id of a request: the same for every spelling of the same wish. */
export function formatRequest({ file, options, url, path }: ModelRequest): string {
  const parts = [escapeForId(file), options.format === undefined ? '?quantize' : `?quantize=${String(options.format)}`];
  let escaped = parts[0] !== file;
  for (const key of OPTION_KEYS) {
    const value = options[key];
    if (key === 'format' || value === undefined) continue;
    const text = Array.isArray(value) ? value.join(',') : String(value);
    escaped ||= escapeForId(text) !== text;
    parts.push(`&${key}=${escapeForId(text)}`);
  }
  if (url) parts.push(`&${AS}=${path === true ? 'path' : 'url'}`);
  if (escaped) parts.push(`&${ESCAPED}`);
  return parts.join('');
}

function readPairs(pairs: [string, string][]): Omit<ModelRequest, 'file'> {
  const options: Record<string, unknown> = {};
  let url = false;
  let path: true | undefined;
  for (const [key, text] of pairs) {
    if (HOST_KEYS.has(key) || key === ESCAPED) continue;
    if (key === 'url' || (key === AS && (text === 'url' || text === 'path'))) {
      url = true;
      if (text === 'path') path = true;
      continue;
    }
    checkKey(key, KNOWN_KEYS, 'query key');
    if (key === 'quantize' && text === '') continue;
    setOption(options, key === 'quantize' ? 'format' : (key as keyof ModelOptions), text);
  }
  resolveModelOptions(options as ModelOptions);
  return { options: options as ModelOptions, url, ...(path && { path }) };
}

function setOption(options: Record<string, unknown>, key: keyof ModelOptions, text: string): void {
  const value = PARSERS[MODEL_OPTIONS[key].kind]?.(text) ?? text;
  const before = options[key];
  if (before === undefined) options[key] = value;
  else if (Array.isArray(before) && Array.isArray(value)) options[key] = [...before, ...value];
  else if (before !== value) throw new QuantizeError('OPTION_INVALID', `The query sets "${key}" to both "${before}" and "${text}".`, { option: key });
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

function readCount(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function splitList(text: string): string[] {
  return text.split(',').filter((item) => item !== '');
}

/** Percent-decoding where the text is well-formed; `+` stays a plus, because names of nodes may hold one. */
function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
