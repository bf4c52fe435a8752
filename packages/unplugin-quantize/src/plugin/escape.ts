/**
 * Characters that a module id does not carry through a dev server unharmed: `#` ends a URL, a percent sign makes it malformed, `?`, `&` and
 * `=` divide it, a browser turns a backslash into a slash and drops control characters and a space at the end. Other letters survive.
 */
const UNSAFE = /[\p{Cc}%#?&=\\]| $/gu;

/** Text for an id: every unsafe character as `=` and two hexadecimal digits, so that no URL decoding touches it. */
export function escapeForId(text: string): string {
  return text.replace(UNSAFE, (char) => `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The inverse of `escapeForId`. */
export function unescapeFromId(text: string): string {
  return text.replace(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
