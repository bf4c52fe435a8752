// Bundled by gpu.bench.mjs. node node.mjs ROWS.json LISTS: LISTS are backends as JSON.
import { writeFileSync } from 'node:fs';
import { rowsOf } from './rows.mjs';

const [path, lists] = process.argv.slice(2);
writeFileSync(path, JSON.stringify(await rowsOf(JSON.parse(lists))));
