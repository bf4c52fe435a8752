// npm run bench -- NAME: measures beside the Python tools in one run and writes bench/results/NAME.{json,md}.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPackage, ensureInstalled, ROOT } from '../scripts/setup.mjs';

const names = readdirSync(join(ROOT, 'bench')).filter((file) => file.endsWith('.bench.mjs')).map((file) => file.slice(0, -'.bench.mjs'.length));
const [name, ...args] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`Name a benchmark: ${names.join(', ')}.`);
  process.exit(2);
}
ensureInstalled();
buildPackage();
const { bench } = await import(`./${name}.bench.mjs`);
const { title, notes, columns, rows } = await bench(args);
const markdown = [
  `# ${title}`, '', ...notes, '',
  `| ${columns.map(({ head }) => head).join(' | ')} |`, `|${columns.map(() => '---').join('|')}|`,
  ...rows.map((row) => `| ${columns.map(({ key, show = String }) => (row[key] === undefined || row[key] === null ? '' : show(row[key]))).join(' | ')} |`), '',
].join('\n');
const results = join(ROOT, 'bench/results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, `${name}.json`), `${JSON.stringify({ title, notes, rows }, null, 2)}\n`);
writeFileSync(join(results, `${name}.md`), markdown);
console.log(`\n${markdown}`);
