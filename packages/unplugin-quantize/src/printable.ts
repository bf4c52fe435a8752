/** Control characters (C0, C1), line separators and marks that turn the direction of text: a name must not move the cursor. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text with everything that a terminal would obey written as an escape such as \x1b. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escape);
}

/** The same for texts of several lines. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (character === '\n' ? character : escape(character)));
}

/**
 * A value as an expression of JavaScript and TypeScript, on one line: nothing in it ends a line, a comment or a script of HTML, turns the
 * direction of text, or sets a prototype.
 */
export function jsonCode(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.replace(UNPRINTABLE, unicodeEscape).replace(/<(?=\/|!--|script)/gi, '\\u003c').replace(/([{,])"__proto__":/g, '$1["__proto__"]:');
}

function escape(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;
}
