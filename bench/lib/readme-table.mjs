import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup.mjs';

const README = join(ROOT, 'README.md');

/** Markers between which the README has the table of a benchmark. */
const marked = (name) => new RegExp(`(<!-- bench: ${name} -->\\n)[^]*?(<!-- /bench -->)`);

/** The rows of a results file that are a table's. */
export function tableOf(markdown) {
  return markdown.split('\n').filter((line) => line.startsWith('|')).join('\n');
}

/** What stands between the markers of a benchmark; undefined where the README has none. */
export function tableInReadme(name) {
  const readme = existsSync(README) ? readFileSync(README, 'utf8') : '';
  return marked(name).exec(readme)?.[0].split('\n').filter((line) => line.startsWith('|')).join('\n');
}

/** Puts a benchmark's table between its markers; a README without them stays as it is. */
export function printInReadme(name, table) {
  if (tableInReadme(name) === undefined) return;
  const readme = readFileSync(README, 'utf8');
  writeFileSync(README, readme.replace(marked(name), (_, open, close) => `${open}\n${table}\n\n${close}`));
}
