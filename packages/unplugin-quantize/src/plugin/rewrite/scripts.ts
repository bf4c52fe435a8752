/** Modules that may hold texts that name models; bundlers use it as a filter. Components are seen as their author wrote them. */
export const SCRIPT = /\.(?:[cm]?[jt]sx?(?:\?|$)|(?:vue|svelte|astro)$)/;

const COMPONENT = /\.(?:vue|svelte|astro)$/;
/** Attributes may hold `>` in quotes, such as the types of Vue's `generic`. */
const SCRIPT_TAG = /<script(?:\s(?:[^>"']|"[^"]*"|'[^']*')*)?>([^]*?)<\/script\s*>/dgi;
const FRONTMATTER = /^\s*---\r?\n([^]*?)^---\s*$/dm;

/** A part of a text, from the first character to before the last. */
export interface TextRange {
  start: number;
  end: number;
}

/** Where a file has code: all of a module; of a component its scripts, unless it is compiled already. */
export function scriptRanges(code: string, id: string): TextRange[] {
  if (!COMPONENT.test(id)) return [{ start: 0, end: code.length }];
  const frontmatter = id.endsWith('.astro') ? FRONTMATTER.exec(code) : null;
  if (frontmatter !== null) return [rangeOf(frontmatter)];
  const scripts = [...code.matchAll(SCRIPT_TAG)].map(rangeOf);
  return scripts.length > 0 || code.trimStart().startsWith('<') ? scripts : [{ start: 0, end: code.length }];
}

/** Of the only group of a match. */
function rangeOf({ indices }: RegExpExecArray): TextRange {
  const [start, end] = indices![1]!;
  return { start, end };
}

/** True for modules with `require` and `exports` alone, in which an import would change what the others mean. */
export function isCommonJs(code: string, id: string): boolean {
  if (/\.c[jt]s(?:\?|$)/.test(id)) return true;
  return /\brequire\s*\(|\bmodule\s*\.\s*exports\b|(?:^|[^\w$.])exports\s*[.[]/.test(code) && !/^\s*(?:import\b(?!\s*[(.])|export\b)/m.test(code);
}
