// How time and memory of a build grow with the number of its models, when nothing, this machine or the fleet knows them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tinyModel } from '../examples/monorepo/scripts/tiny-model.mjs';
import { ROOT, step } from '../scripts/setup.mjs';
import { fitLine } from './lib/line.mjs';

const COUNTS = [125, 250, 500, 1000];
const RUNS = { 'as assets': 3, cold: 1, warm: 3, 'remote-warm': 3 };
const REDIS_PORT = 7397;
const WORK = join(ROOT, 'bench/.cache/scale');
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');

const decimals = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'state', head: 'state' }, { key: 'models', head: 'models' }, { key: 'wall', head: 'time s', show: decimals(2) }, { key: 'cpu', head: 'CPU s of the process', show: decimals(2) },
  { key: 'megabytes', head: 'peak RSS MB', show: decimals(0) },
  { key: 'line', head: 'lines through the four: time, CPU, memory' },
];

/** @param words numbers of models in place of 125, 250, 500 and 1000, and `unchecked`: artefacts are not run in engines */
export async function bench(words) {
  const counts = words.map(Number).filter((count) => count > 0);
  const isChecked = !words.includes('unchecked');
  rmSync(WORK, { recursive: true, force: true });
  const redis = await startRedis();
  try {
    const rows = (counts.length > 0 ? counts : COUNTS).flatMap((count) => measureCount(count, isChecked, redis));
    return {
      title: 'Number of models',
      notes: [
        '`vite build` of a page that imports that many models of one product (4.2 kB each) with `?quantize`, as whole processes; medians of three, of one where cold. "as assets" emits them with Vite\'s own `?url`.',
        `Cold: nothing is known, and every model is quantized${isChecked ? ', run and compared in processes of their own' : ' (and not run)'}; warm: all in the folder of the cache; remote-warm: all in a Redis on the same machine, nothing in the folder.`,
        'CPU and memory are those of the build\'s process with its threads. Lines are least squares over the numbers of models: what each model adds, with the share of the variance that the line explains.',
      ],
      columns: COLUMNS,
      rows: withLines(rows),
    };
  } finally {
    redis?.kill();
  }
}

function measureCount(count, isChecked, redis) {
  step(`${count} models`);
  const folder = join(WORK, String(count));
  // Each number of models has a place of its own, so that cold is cold.
  const remote = redis === undefined ? join(WORK, `shared-${count}`) : { driver: 'redis', port: REDIS_PORT, base: `scale-${count}` };
  const cache = (name, address = 'false') => `{ folder: '${name}', remote: ${address} }`;
  const plugin = (place) => `import quantize from 'unplugin-quantize/vite'\nexport default { plugins: [quantize({ cache: ${place}, verify: ${isChecked} })], build: { reportCompressedSize: false } }`;
  project(folder, count);
  const shared = JSON.stringify(remote);
  const states = {
    'as assets': { query: '?url', config: 'export default { build: { assetsInlineLimit: 0, reportCompressedSize: false } }', before: [] },
    cold: { query: '?quantize', config: plugin(cache('cold', shared)), before: ['cold'] },
    warm: { query: '?quantize', config: plugin(cache('cold')), before: [] },
    'remote-warm': { query: '?quantize', config: plugin(cache('other', shared)), before: ['other'] },
  };
  return Object.entries(states).map(([state, { query, config, before }]) => {
    writeFileSync(join(folder, 'vite.config.js'), config);
    const names = Array.from({ length: count }, (_, i) => `m${i}`);
    writeFileSync(join(folder, 'main.js'), `${names.map((name, i) => `import ${name} from './models/${i}.onnx${query}'`).join('\n')}\nconsole.log([${names.join(', ')}])\n`);
    const runs = Array.from({ length: RUNS[state] }, () => {
      for (const name of before) rmSync(join(folder, name), { recursive: true, force: true });
      return build(folder, state);
    });
    const median = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)[(runs.length - 1) >> 1];
    return { state, models: count, wall: median('wall'), cpu: median('cpu'), megabytes: median('megabytes') };
  });
}

function build(folder, state) {
  const file = join(WORK, 'usage.json');
  const preload = pathToFileURL(join(ROOT, 'bench/lib/record-usage.mjs')).href;
  const { status, stderr } = spawnSync(process.execPath, ['--import', preload, VITE, 'build'], { cwd: folder, encoding: 'utf8', env: { ...process.env, USAGE_FILE: file, GITHUB_ACTIONS: '' } });
  const emitted = status === 0 && existsSync(join(folder, 'dist/assets'));
  // A run that had nothing of the shared cache is no run of this state.
  const isRight = emitted && (state !== 'remote-warm' || / 0 not, 0 put there/.test(stderr));
  if (!isRight) throw new Error(`The build (${state}) is not what it should be:\n${stderr}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function project(folder, count) {
  mkdirSync(join(folder, 'models'), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(ROOT, 'packages/unplugin-quantize'), join(folder, 'node_modules/unplugin-quantize'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(folder, 'index.html'), '<script type="module" src="./main.js"></script>\n');
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `models/${i}.onnx`), tinyModel(i));
}

/** The lines stand in the row of the largest number. */
function withLines(rows) {
  const most = Math.max(...rows.map(({ models }) => models));
  return rows.map((row) => {
    const own = rows.filter(({ state }) => state === row.state);
    if (row.models !== most || own.length < 2) return row;
    const line = (key, factor, unit, digits) => {
      const { slope, explained, worst } = fitLine(own.map((each) => [each.models, each[key]]));
      return { text: `${(slope * factor).toFixed(digits)} ${unit} (R² ${explained.toFixed(4)}, at most ${(100 * worst).toFixed(1)} % off)`, slope, explained, worst };
    };
    const lines = { wall: line('wall', 1000, 'ms', 2), cpu: line('cpu', 1000, 'ms', 2), megabytes: line('megabytes', 1000, 'kB', 0) };
    const fits = Object.fromEntries(Object.entries(lines).map(([key, { slope, explained, worst }]) => [key, { slope, explained, worst }]));
    return { ...row, line: Object.values(lines).map(({ text }) => text).join('; '), fits };
  });
}

/** Undefined where there is no redis-server: a folder is shared then. */
async function startRedis() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const redis = spawn('redis-server', ['--port', String(REDIS_PORT), '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  while (!(await answers(REDIS_PORT))) await new Promise((resolve) => setTimeout(resolve, 50));
  return redis;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined)).on('error', () => resolve(false));
  });
}
