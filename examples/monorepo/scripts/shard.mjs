// npm run shard -- 2/4 [words for turbo]: builds the second of four parts of the packages, so that four machines of one CI run share them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const [part = '', ...words] = process.argv.slice(2);
const [, index, count] = (/^(\d+)\/(\d+)$/.exec(part) ?? []).map(Number);
if (!(index >= 1 && index <= count)) {
  console.error('Which part of how many? Say 1/4, 2/4, 3/4 or 4/4.');
  process.exit(2);
}
const mine = readdirSync(join(ROOT, 'packages')).sort().filter((_, i) => i % count === index - 1);
const filters = mine.map((name) => `--filter=@models/${name}`);
// Of more parts than packages some have nothing to do.
if (mine.length === 0) process.exit(0);
// On Windows turbo is a .cmd file, which only a shell starts.
const { status } = spawnSync('turbo', ['run', 'build', ...filters, ...words], { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' });
process.exit(status ?? 1);
