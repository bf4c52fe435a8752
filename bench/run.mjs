// npm run bench -- NAME [WORD...]: measures beside the Python tools in one run and writes bench/results/NAME.{json,md}.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPackage, ensureInstalled, ROOT } from '../scripts/setup.mjs';
import { keepRows } from './lib/keep-rows.mjs';
import { printInReadme, tableOf } from './lib/readme-table.mjs';

const names = readdirSync(join(ROOT, 'bench')).filter((file) => file.endsWith('.bench.mjs')).map((file) => file.slice(0, -'.bench.mjs'.length));
const [name, ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`Name a benchmark: ${names.join(', ')}.`);
  process.exit(2);
}
ensureInstalled();
buildPackage();
const { bench } = await import(`./${name}.bench.mjs`);
const results = join(ROOT, 'bench/results');
const json = join(results, `${name}.json`);
const before = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')).rows : [];
const { title, notes, columns, cases, identity, rows: now } = await bench(args);
// Words choose some of the cases of a benchmark that lists them; the others keep their figures.
const rows = cases === undefined ? now : keepRows(cases, identity, before, now);
const markdown = [
  `# ${title}`, '', ...notes, '',
  `| ${columns.map(({ head }) => head).join(' | ')} |`, `|${columns.map(() => '---').join('|')}|`,
  ...rows.map((row) => `| ${columns.map(({ key, show = String }) => (row[key] === undefined || row[key] === null ? '' : show(row[key]))).join(' | ')} |`), '',
].join('\n');
mkdirSync(results, { recursive: true });
writeFileSync(json, `${JSON.stringify({ title, notes, rows }, null, 2)}\n`);
writeFileSync(join(results, `${name}.md`), markdown);
printInReadme(name, tableOf(markdown));
console.log(`\n${markdown}`);
