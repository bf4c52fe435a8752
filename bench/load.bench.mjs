// The runtime under load: examples/node-service with and without batching, answers in company and alone, sessions and pages made and disposed of.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE, ROOT, run, step } from '../scripts/setup.mjs';
import { compareCompany } from './lib/company.mjs';
import { callTogether } from './lib/callers.mjs';
import { putUnderLoad, startService, stopService } from './lib/load.mjs';
import { shared, work } from './lib/models.mjs';

const example = join(ROOT, 'examples/node-service');
const CLIENTS = 200;
const SECONDS = 60;
const SESSIONS = 1000;

/** Configurations of the service; those that are compared take turns, in parts of the time, so that slow moments of the machine meet all. */
const TURNS = 3;
const COMPARED = [{ BATCH: '1' }, { BATCH: '8' }, { BATCH: '16' }];
const BOUNDED = { BATCH: '16', MAX_QUEUE: '50' };

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'what', head: '' }, { key: 'seconds', head: 'seconds' }, { key: 'answers', head: 'answers' }, { key: 'perSecond', head: 'in a second', show: fixed(0) },
  { key: 'cpu', head: 'CPU ms each', show: fixed(2) }, { key: 'median', head: 'median ms', show: fixed(0) }, { key: 'p95', head: 'p95 ms', show: fixed(0) }, { key: 'refused', head: 'refused (503)' },
  { key: 'errors', head: 'errors' }, { key: 'peak', head: 'peak RSS MB', show: fixed(0) }, { key: 'slope', head: 'RSS slope MB/min', show: fixed(1) }, { key: 'exit', head: 'exit code' },
];

/** @param args `quick` for a tenth of the time */
export async function bench(args) {
  const isQuick = args.includes('quick');
  const seconds = isQuick ? SECONDS / 10 : SECONDS;
  mkdirSync(work, { recursive: true });
  step('Building examples/node-service');
  run(process.execPath, [join(example, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: example, quiet: true });
  const bodies = await pictures();
  step(`A minute each of ${CLIENTS} clients`);
  const rows = [...(await inTurn(bodies, seconds)), await underLoad('batches of 16, 50 may wait', BOUNDED, bodies, seconds / 3)];
  rows.push(await underLoad('batches of 16, without a pause', { BATCH: '16' }, bodies, seconds));
  step('session.run in one process');
  for (const batch of await callTogether(CLIENTS, isQuick ? 1 : 5, TURNS)) rows.push(batch);
  step('Answers in company and alone');
  const company = existsSync(join(shared, 'models')) ? await compareCompany() : [];
  step(`${SESSIONS} sessions`);
  const sessions = ['node', 'wasm'].map((backend) => cycles(backend, SESSIONS));
  return {
    title: 'Under load',
    notes: [
      `examples/node-service (PP-OCR's direction classifier as \`int8\`, in float32 arithmetic, onnxruntime-node on the CPU) and ${CLIENTS} clients in another process of the same machine, each of which asks again as soon as it is answered and waits as long as \`Retry-After\` says.`,
      `The first rows take turns, ${TURNS} times each; their figures are sums, medians and peaks over the turns, each with a process of its own. A request costs reading a PNG and scaling it, too. The slope is that of the second half of the time. The service was then told to end (SIGTERM).`,
      'Rows that name a model are calls of `session.run` by as many callers in one process, without HTTP (float32, onnxruntime-node on the CPU), configurations in turn.',
      '',
      'A row in company against the same row alone: batches of 8 rows of onnxruntime-node on the CPU, largest difference as a share of the largest output, lowest cosine of a row, share of rows with the same best class as float32 has alone.',
      '', '| model | format | rows | difference | cosine | as float32, alone | as float32, in company |', '|---|---|---|---|---|---|---|',
      ...company.map(({ model, format, rows: count, difference, cosine, alone, together }) => `| ${model} | ${format} | ${count} | ${difference.toExponential(1)} | ${cosine.toFixed(6)} | ${(alone * 100).toFixed(2)} % | ${(together * 100).toFixed(2)} % |`),
      '',
      ...sessions.map(({ backend, sessions: count, first, last, each }) => `${count} sessions of a small model made, run and disposed of on ${backend === 'node' ? 'onnxruntime-node' : "onnxruntime-web's WASM in Node"}: ${first.toFixed(1)} MB resident after the first fifth, ${last.toFixed(1)} MB at the end, ${each.toFixed(1)} kB a session.`),
      'A page in Chromium that does so a hundred times has the same WebAssembly memory and the same buffers at the end as after twenty (test/load/page.test.ts).',
    ],
    columns: COLUMNS,
    rows,
  };
}

/** Lines of text from the picture of another example. */
async function pictures() {
  const { default: sharp } = await import(createRequire(join(ROOT, 'package.json')).resolve('sharp'));
  const lines = [[40, 125, 220, 44], [40, 196, 315, 44], [40, 268, 435, 32]];
  return Promise.all(lines.map(([left, top, width, height]) => sharp(join(ROOT, 'examples/vite-ocr/src/assets/sample.png')).extract({ left, top, width, height }).png().toBuffer()));
}

async function inTurn(bodies, seconds) {
  const parts = COMPARED.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [i, env] of COMPARED.entries()) parts[i].push(await underLoad(env.BATCH === '1' ? 'one by one' : `batches of ${env.BATCH}`, env, bodies, seconds / TURNS));
  }
  return parts.map((turns) => {
    const sum = (key) => turns.reduce((total, turn) => total + turn[key], 0);
    const middle = (key) => turns.map((turn) => turn[key]).sort((a, b) => a - b)[turns.length >> 1];
    const [first] = turns;
    return {
      ...first, seconds: sum('seconds'), answers: sum('answers'), refused: sum('refused'), errors: sum('errors'), perSecond: middle('perSecond'), cpu: middle('cpu'),
      median: middle('median'), p95: middle('p95'), peak: Math.max(...turns.map(({ peak }) => peak)), slope: undefined, exit: Math.max(...turns.map(({ exit }) => exit)),
    };
  });
}

async function underLoad(what, env, bodies, seconds) {
  const service = await startService(join(example, 'dist/server.js'), env);
  const found = await putUnderLoad(service, '/direction', { clients: CLIENTS, seconds, bodies });
  const exit = await stopService(service);
  const { answers, perSecond, cpu, median, p95, refused, errors, peak, slope } = found;
  if (errors.length > 0) console.error(errors.slice(0, 3));
  return { what, seconds, answers, perSecond, cpu, median, p95, refused, errors: errors.length, peak, slope, exit };
}

function cycles(backend, count) {
  const model = join(ROOT, 'test/reference/quantize/mlp.onnx');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', join(ROOT, 'bench/lib/session-cycles.mjs'), backend, model, '{"x":[1,32]}', String(count)], { cwd: PACKAGE, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const { memory } = JSON.parse(stdout);
  const [first, last] = [memory[1], memory.at(-1)];
  return { backend, sessions: count, first: first.rss / 1e6, last: last.rss / 1e6, each: (last.rss - first.rss) / (last.cycle - first.cycle) / 1000, memory };
}
