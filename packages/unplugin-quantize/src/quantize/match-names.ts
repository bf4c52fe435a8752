/** A test for names against patterns in which `*` stands for any characters, none included. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's'));
  return (name) => expressions.some((expression) => expression.test(name));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
