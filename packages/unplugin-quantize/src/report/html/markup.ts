import { printable } from '../text.ts';

/** Text that is HTML already. Everything else is escaped before it gets into a page. */
export interface Markup {
  readonly markup: string;
}

export type Part = Markup | string | number | false | null | undefined | readonly Part[];

/** HTML of a template: what is put in is escaped unless it is markup itself; lists are joined; false, null and undefined are nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: strings.reduce((text, string, i) => text + render(parts[i - 1]) + string) };
}

function render(part: Part): string {
  if (part === undefined || part === null || part === false) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeHtml(part);
  return 'markup' in part ? part.markup : part.map(render).join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Safe between tags and in quoted attributes; marks that turn the direction of text, and control characters, are written as escapes. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
