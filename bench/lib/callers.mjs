// Many callers of one session in one process, with and without batching.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE } from '../../scripts/setup.mjs';
import { shared } from './models.mjs';

const ort = createRequire(join(PACKAGE, 'package.json'))('onnxruntime-node');
const ids = (most, length) => ({ type: 'int64', dims: [1, length], data: BigInt64Array.from({ length }, (_, i) => BigInt((i * 37) % most)) });

const CASES = [
  { model: 'mobilenetv2-cifar10', feeds: { image: { type: 'float32', dims: [1, 3, 32, 32], data: Float32Array.from({ length: 3072 }, (_, i) => Math.sin(i)) } } },
  { model: 'sst-minilm', feeds: { input_ids: ids(20000, 16), attention_mask: { type: 'int64', dims: [1, 16], data: new BigInt64Array(16).fill(1n) } } },
  { model: 'charlm', feeds: { input_ids: ids(65, 16) } },
];
const SIZES = [undefined, 8, 16, 32];

/** Rows of figures: medians over the turns. */
export async function callTogether(callers, seconds, turns) {
  const { createSession } = await import('unplugin-quantize/runtime');
  const rows = [];
  for (const { model, feeds } of CASES) {
    const file = join(shared, 'models', `${model}.onnx`);
    if (!existsSync(file)) continue;
    const sessions = [];
    for (const maxSize of SIZES) sessions.push(await createSession(file, { backends: ['cpu'], batch: maxSize && { maxSize } }));
    const given = Object.fromEntries(Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]));
    const found = SIZES.map(() => []);
    for (let turn = 0; turn < turns; turn++) for (const [i, session] of sessions.entries()) found[i].push(await measure(session, given, callers, seconds));
    for (const session of sessions) await session.dispose();
    for (const [i, maxSize] of SIZES.entries()) {
      const middle = (key) => found[i].map((one) => one[key]).sort((a, b) => a - b)[turns >> 1];
      rows.push({ what: `${model}, ${maxSize === undefined ? 'one by one' : `batches of ${maxSize}`}`, seconds: seconds * turns, answers: found[i].reduce((sum, { answers }) => sum + answers, 0), perSecond: middle('perSecond'), cpu: middle('cpu'), median: middle('median'), p95: middle('p95') });
    }
  }
  return rows;
}

async function measure(session, feeds, callers, seconds) {
  const latencies = [];
  const start = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: callers }, async () => {
    while (performance.now() - start < seconds * 1000) {
      const began = performance.now();
      await session.run(feeds);
      latencies.push(performance.now() - began);
    }
  }));
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  latencies.sort((a, b) => a - b);
  return { answers: latencies.length, perSecond: latencies.length / took, cpu: (user + system) / 1000 / latencies.length, median: latencies[latencies.length >> 1], p95: latencies[Math.floor(latencies.length * 0.95)] };
}
