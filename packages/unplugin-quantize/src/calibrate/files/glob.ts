/** A pattern of paths: the folder before its first wildcard, and the rest; literal paths have no rest. */
export interface SplitPattern {
  base: string;
  rest: string | undefined;
}

const WILDCARD = /[*?[{]/;

/** Splits `photos/**\/*.jpg` into `photos` and `**\/*.jpg`. Backslashes separate folders on Windows only, where names cannot hold them. */
export function splitPattern(pattern: string, isWindows = process.platform === 'win32'): SplitPattern {
  const parts = (isWindows ? pattern.replaceAll('\\', '/') : pattern).split('/');
  const first = parts.findIndex((part) => WILDCARD.test(part));
  if (first === -1) return { base: pattern, rest: undefined };
  const before = parts.slice(0, first).join('/');
  return { base: before === '' ? (first > 0 ? '/' : '.') : before, rest: parts.slice(first).join('/') };
}

/**
 * An expression for whole paths with `/` between folders. `*` and `?` stay inside a name, `**` between slashes stands for any number of
 * folders, `[a-z]` and `[!a-z]` for one character, `{a,b}` for one of the choices, which may be nested. Names that start with a dot have
 * to be asked for with a dot.
 */
export function globExpression(pattern: string): RegExp {
  return new RegExp(`^(?:${expandBraces(pattern).map(translate).join('|')})$`, 'u');
}

function translate(pattern: string): string {
  const parts = pattern.split('/');
  const text = parts.map((part, i) => {
    const isLast = i === parts.length - 1;
    if (part === '**') return isLast ? `${VISIBLE}[^/]+(?:/${VISIBLE}[^/]+)*` : `(?:${VISIBLE}[^/]+/)*`;
    return translateName(part) + (isLast ? '' : '/');
  });
  return text.join('');
}

const VISIBLE = '(?!\\.)';

function translateName(name: string): string {
  const body = name.replace(/\[(!?)([^\]]+)\]|\*+|\?|[\\^$.|+()[\]{}/]/gu, (token, not: string | undefined, set: string | undefined) => {
    if (set !== undefined) return `(?!/)[${not === '!' ? '^' : ''}${set.replace(/[\\^[\]&]/gu, '\\$&')}]`;
    if (token.startsWith('*')) return '[^/]*';
    return token === '?' ? '[^/]' : `\\${token}`;
  });
  return /^[*?[]/.test(name) ? VISIBLE + body : body;
}

/** `a{b,c}d` to `abd` and `acd`, innermost braces first; one without a partner or a comma stands for itself. */
function expandBraces(pattern: string): string[] {
  const match = /\{([^{}]*)\}/u.exec(pattern);
  if (match === null) return [pattern.replaceAll(OPEN, '{').replaceAll(CLOSE, '}')];
  const choices = match[1]!.includes(',') ? match[1]!.split(',') : [`${OPEN}${match[1]}${CLOSE}`];
  const [before, after] = [pattern.slice(0, match.index), pattern.slice(match.index + match[0].length)];
  return [...new Set(choices.flatMap((choice) => expandBraces(before + choice + after)))];
}

/** Stand for braces that are no choice while others are expanded; file systems allow neither in a name that a user types. */
const [OPEN, CLOSE] = ['\u0001', '\u0002'];
