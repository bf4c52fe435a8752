// What becomes of a row when it is computed together with others.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE, ROOT, run } from '../../scripts/setup.mjs';
import { shared, work } from './models.mjs';

const ort = createRequire(join(PACKAGE, 'package.json'))('onnxruntime-node');
const ROWS = 256;
const TOGETHER = 8;

/** Rows of each model's own data; formats are what this package makes. */
const CASES = [
  { model: 'sst-minilm', formats: ['none', 'int8-storage', 'int8'], rows: sentences },
  { model: 'mobilenetv2-cifar10', formats: ['none', 'int8-storage', 'int8-static', 'int8-dynamic'], rows: images, flags: ['--calibration', join(ROOT, 'bench/lib/cifar10-samples.mjs')] },
  { model: 'charlm', formats: ['none', 'int8', 'int4'], rows: texts },
];

export async function compareCompany() {
  const found = [];
  for (const { model, formats, rows, flags = [] } of CASES) {
    const source = join(shared, 'models', `${model}.onnx`);
    if (!existsSync(source)) continue;
    const feeds = await rows();
    let float;
    for (const format of formats) {
      const file = format === 'none' ? source : join(work, `${model}.${format}.company.onnx`);
      if (format !== 'none') run(process.execPath, [join(PACKAGE, 'dist/cli/main.js'), 'quantize', source, '-o', file, '--format', format, ...(format === 'int8-static' ? flags : []), '--no-compare', '--no-verify'], { quiet: true });
      const { classes, ...told } = await compare(file, feeds);
      float ??= classes.alone;
      const right = (answers) => answers.filter((answer, i) => answer === float[i]).length / float.length;
      found.push({ model, format: format === 'none' ? 'float32' : format, ...told, alone: right(classes.alone), together: right(classes.together) });
    }
  }
  return found;
}

async function compare(file, feeds) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const alone = [];
  for (const feed of feeds) alone.push(await outputOf(session, feed));
  const together = [];
  for (let i = 0; i < feeds.length; i += TOGETHER) {
    const part = feeds.slice(i, i + TOGETHER);
    const all = await outputOf(session, stacked(part));
    const width = all.length / part.length;
    for (let row = 0; row < part.length; row++) together.push(all.subarray(row * width, (row + 1) * width));
  }
  await session.release();
  const largest = Math.max(...alone.map((values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
  let difference = 0;
  let cosine = 1;
  for (const [i, values] of alone.entries()) {
    const others = together[i];
    let [dot, a, b] = [0, 0, 0];
    for (const [j, value] of values.entries()) {
      difference = Math.max(difference, Math.abs(value - others[j]));
      dot += value * others[j];
      a += value * value;
      b += others[j] * others[j];
    }
    cosine = Math.min(cosine, dot / Math.sqrt(a * b));
  }
  return { rows: feeds.length, difference: difference / largest, cosine, classes: { alone: alone.map(classOf), together: together.map(classOf) } };
}

/** The best class; of a language model that of the last position. */
function classOf(values) {
  const last = values.length > 2000 ? values.subarray(values.length - 65) : values;
  return last.indexOf(Math.max(...last));
}

async function outputOf(session, feeds) {
  return Object.values(await session.run(feeds))[0].data;
}

function stacked(feeds) {
  return Object.fromEntries(Object.entries(feeds[0]).map(([name, { type, dims, data }]) => {
    const all = new data.constructor(data.length * feeds.length);
    for (const [i, feed] of feeds.entries()) all.set(feed[name].data, i * data.length);
    return [name, new ort.Tensor(type, all, [feeds.length, ...dims.slice(1)])];
  }));
}

/** Token ids of sentences of one length, so that they go together. */
function sentences() {
  const { Tokenizer } = createRequire(join(PACKAGE, 'package.json'))('@huggingface/tokenizers');
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(join(shared, 'data/sst2/tokenizer.json'), 'utf8')), {});
  const LENGTH = 24;
  const lines = readFileSync(join(shared, 'data/sst2/test.tsv'), 'utf8').trim().split('\n').slice(0, ROWS);
  return lines.map((line) => {
    const { ids } = tokenizer.encode(line.split('\t')[0]);
    const cut = Array.from({ length: LENGTH }, (_, i) => BigInt(ids[i] ?? 0));
    const mask = cut.map((_, i) => (i < ids.length ? 1n : 0n));
    return { input_ids: new ort.Tensor('int64', BigInt64Array.from(cut), [1, LENGTH]), attention_mask: new ort.Tensor('int64', BigInt64Array.from(mask), [1, LENGTH]) };
  });
}

async function images() {
  const { default: samples } = await import('./cifar10-samples.mjs');
  const found = [];
  for await (const { image } of samples()) if (found.push({ image: new ort.Tensor('float32', image.data, image.dims) }) === ROWS) break;
  return found;
}

/** Windows of a text. */
function texts() {
  const LENGTH = 32;
  const vocabulary = JSON.parse(readFileSync(join(shared, 'data/charlm/chars.json'), 'utf8'));
  const text = readFileSync(join(shared, 'data/charlm/valid.txt'), 'utf8');
  return Array.from({ length: ROWS }, (_, row) => {
    const ids = Array.from(text.slice(row * LENGTH, (row + 1) * LENGTH), (char) => BigInt(vocabulary.indexOf(char)));
    return { input_ids: new ort.Tensor('int64', BigInt64Array.from(ids), [1, LENGTH]) };
  });
}
