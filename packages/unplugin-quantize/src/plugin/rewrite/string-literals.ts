/** A text in code whose value is known without running it. */
export interface StringLiteral {
  /** Of the opening quote. */
  start: number;
  /** After the closing quote. */
  end: number;
  value: string;
}

/** Words after which a slash begins a regular expression. */
const BEFORE_EXPRESSION = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|do|else|instanceof|new|throw|yield|await)$/;
const OPERATORS = '(,=:[!&|?{};+-*%>~^';

/**
 * The texts in JavaScript or TypeScript that stand where code does: not those in comments, regular expressions or other texts. JSX is read
 * as code, in which an apostrophe ends with its line.
 */
export function stringLiterals(code: string): StringLiteral[] {
  const found: StringLiteral[] = [];
  /** For each `${` that is open, how many braces are open inside of it. */
  const depths: number[] = [];
  let last = '';
  for (let at = 0; at < code.length; ) {
    const char = code[at]!;
    const next = code[at + 1];
    if (char === '/' && next === '/') at = indexOr(code, '\n', at);
    else if (char === '/' && next === '*') at = indexOr(code, '*/', at + 2) + 2;
    else if (char === '/' && startsExpression(code, at, last)) at = endOfExpression(code, at) ?? at + 1;
    else if (char === "'" || char === '"' || char === '`' || (char === '}' && depths.at(-1) === 0)) {
      const end = endOfText(code, at + 1, char === '}' ? '`' : char);
      const closing = code[(end ?? 0) - 1];
      if (end !== undefined && char !== '}' && closing !== '{') found.push({ start: at, end, value: valueOf(code.slice(at + 1, end - 1)) });
      if (char === '}') depths.pop();
      if (closing === '{' && end !== undefined) depths.push(0);
      last = closing === '{' ? '{' : '"';
      at = end ?? at + 1;
    } else {
      if (depths.length > 0 && (char === '{' || char === '}')) depths[depths.length - 1]! += char === '{' ? 1 : -1;
      if (!/\s/.test(char)) last = char;
      at++;
    }
  }
  return found;
}

function indexOr(code: string, text: string, from: number): number {
  const at = code.indexOf(text, from);
  return at === -1 ? code.length : at;
}

function startsExpression(code: string, at: number, last: string): boolean {
  return last === '' || OPERATORS.includes(last) || BEFORE_EXPRESSION.test(code.slice(Math.max(0, at - 20), at).trimEnd());
}

/** After the closing slash; undefined where the line ends before one. */
function endOfExpression(code: string, start: number): number | undefined {
  let isClass = false;
  for (let at = start + 1; at < code.length && code[at] !== '\n'; at++) {
    if (code[at] === '\\') at++;
    else if (code[at] === '[') isClass = true;
    else if (code[at] === ']') isClass = false;
    else if (code[at] === '/' && !isClass) return at + 1;
  }
  return undefined;
}

/** After the closing quote, or after the `${` of a template; undefined where there is none. */
function endOfText(code: string, start: number, quote: string): number | undefined {
  for (let at = start; at < code.length; at++) {
    if (code[at] === '\\') at++;
    else if (code[at] === quote) return at + 1;
    else if (quote === '`' && code[at] === '$' && code[at + 1] === '{') return at + 2;
    else if (quote !== '`' && code[at] === '\n') return undefined;
  }
  return undefined;
}

function valueOf(text: string): string {
  return text.replace(/\\([^])/g, '$1');
}
