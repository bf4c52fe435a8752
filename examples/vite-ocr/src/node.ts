import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { duration, megabytes } from './figures.ts';
import { loadReader } from './models.ts';
import { joinText, recognise } from './ocr/recognise.ts';
import type { TextPiece } from './ocr/recognise.ts';
import { readPng } from './png.ts';

/** What `--json` prints for one image; times in milliseconds. */
interface Output {
  image: string;
  backend: string;
  bytes: number;
  sourceBytes: number;
  loadTime: number;
  readTime: number;
  text: string;
  pieces: TextPiece[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fp32: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});

if (positionals.length === 0) {
  console.error('Usage: node dist/node/node.js [--fp32] [--json] IMAGE.png...');
  process.exitCode = 2;
} else {
  try {
    for (const output of await readImages(positionals)) console.log(values.json ? JSON.stringify(output) : describe(output));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function readImages(paths: string[]): Promise<Output[]> {
  const [loaded, loadTime] = await timed(() => loadReader(values.fp32 ? 'fp32' : 'quantized'));
  const { reader, ...facts } = loaded;
  const outputs: Output[] = [];
  for (const image of paths) {
    const pixels = readPng(readFileSync(image));
    const [pieces, readTime] = await timed(() => collect(recognise(pixels, reader)));
    outputs.push({ image, ...facts, loadTime, readTime, text: joinText(pieces), pieces });
  }
  return outputs;
}

function describe({ image, backend, bytes, sourceBytes, loadTime, readTime, text }: Output): string {
  const figures = [
    `backend ${backend}`,
    `models ${megabytes(bytes)} of ${megabytes(sourceBytes)}`,
    `load ${duration(loadTime)}`,
    `read ${duration(readTime)}`,
  ];
  return `${image}\n\n${text}\n\n${figures.join(', ')}\n`;
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await work(), performance.now() - start];
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
