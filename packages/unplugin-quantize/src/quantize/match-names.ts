import { isRegExp, type NamePattern } from '../options.ts';

/** A test for names against patterns: texts in which `*` stands for any characters, none included, and expressions that are looked for. */
export function nameMatcher(patterns: readonly NamePattern[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => (isRegExp(pattern) ? stateless(pattern) : fromGlob(pattern)));
  return (name) => expressions.some((expression) => expression.test(name));
}

function fromGlob(pattern: string): RegExp {
  return new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's');
}

/** With the flags g and y an expression remembers where it found something last. */
function stateless({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.replace(/[gy]/g, ''));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
