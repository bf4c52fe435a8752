import { printable } from '../text.ts';

/** What Markdown and HTML give a meaning to. */
const SPECIAL = /[&<>|`*_[\]~\\$!(){}]/g;

/**
 * Text that Markdown shows as it is, in a table too: special characters are entities, and an invisible mark behind @ and # keeps GitHub
 * from linking people and issues; a colon gets one against web addresses and emoji.
 */
export function escapeMarkdown(text: string): string {
  return printable(text)
    .replace(SPECIAL, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[@#:]/g, (character) => `${character}&#8203;`);
}

/** A name: in code nothing is linked, and nothing has a meaning once it is an entity. */
export function code(text: string): string {
  const inside = printable(text).replace(/[^\w ./-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, (character) => (character.charCodeAt(0) < 128 ? `&#${character.charCodeAt(0)};` : character));
  return `<code>${inside}</code>`;
}
