import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { models } from '../support/models.ts';
import type { QuantizeOptions } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { checkMutant } from './check.ts';
import { fuzz } from './harness.ts';
import { minimise } from './minimise.ts';
import { makeMutant } from './mutant.ts';
import { SEEDS } from './seeds.ts';

const HELP = `npm run fuzz -- [--cases 100000] [--seed 1] [--from 0] [--processes 2]
npm run fuzz -- FILE...

Quantizes damaged models and reports everything but refusals. Models that fail are kept in test/.cache/fuzz/. Of a kept file the failure is shown
again, and a smaller one that fails in the same way is written beside it.`;

/** Paths of the large models that mutants are made of besides the small ones. */
export const LARGE = [models.ocrDirection];

/** @param args the command line behind the script's name */
export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { cases: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, from: { type: 'string', default: '0' }, processes: { type: 'string', default: '2' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length > 0) {
    positionals.forEach(shrink);
    return 0;
  }
  const [cases, seed, from, processes] = [values.cases, values.seed, values.from, values.processes].map(Number) as [number, number, number, number];
  const started = performance.now();
  const { failures, endings } = await fuzz({ cases, seed, from, processes, models: LARGE });
  console.log(`${cases} cases in ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${seed}:`, endings);
  for (const { index, what } of failures) console.log(`\ncase ${index}, kept as ${keep(seed, index)}\n${what}`);
  return failures.length === 0 ? 0 : 1;
}

/** Shows what a kept file does and writes a smaller one. */
function shrink(path: string): void {
  const options = JSON.parse(readFileSync(path.replace(/onnx$/, 'json'), 'utf8')) as QuantizeOptions;
  const endingOf = (bytes: Uint8Array): string | undefined => {
    const ending = checkMutant({ bytes, options });
    return ending.outcome === 'failed' ? ending.what : undefined;
  };
  const bytes = new Uint8Array(readFileSync(path));
  const what = endingOf(bytes);
  console.log(`\n${path} as ${options.format}\n${what ?? 'is in order'}`);
  if (what === undefined) return;
  const smallest = minimise(bytes, (candidate) => kindOf(endingOf(candidate)) === kindOf(what));
  const target = path.replace(/onnx$/, 'small.onnx');
  writeFileSync(target, smallest);
  writeFileSync(target.replace(/onnx$/, 'json'), JSON.stringify(options));
  console.log(`${smallest.length} bytes: ${target}`);
}

/** The first line of a failure without its names and numbers. */
function kindOf(what: string | undefined): string | undefined {
  return what?.split('\n')[0]!.replace(/"[^"]*"|\d+| A \w+/g, '');
}

/** Writes a mutant to a file, with its options beside it, and gives its path. */
export function keep(seed: number, index: number): string {
  const folder = join(import.meta.dirname, '../.cache/fuzz');
  mkdirSync(folder, { recursive: true });
  const all = [...Object.values(SEEDS).map((build) => build()), ...LARGE.map((path) => new Uint8Array(readFileSync(path)))];
  const { bytes, options } = makeMutant(seed, index, all, LARGE.length);
  const path = join(folder, `${seed}-${index}.onnx`);
  writeFileSync(path, bytes);
  writeFileSync(path.replace(/onnx$/, 'json'), JSON.stringify(options));
  return path;
}
