import { bytesSource, readModel } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { ACTIVATION_INTEGERS, BLOCK_ALGORITHMS, BLOCK_SIZES, DYNAMIC_OPS, FORMATS, MODEL_DEFAULTS } from '../../packages/unplugin-quantize/src/options.ts';
import type { QuantizeOptions } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { GENTLE_MUTATIONS } from './mutate-gently.ts';
import { GRAPH_MUTATIONS } from './mutate-graph.ts';
import { mutateTensor } from './mutate-tensors.ts';
import { createRandom, type Random } from './random.ts';
import { bytesOf } from './seeds.ts';

const formats = Object.keys(FORMATS) as Format[];

/** A damaged model and how it is to be quantized. */
export interface Mutant {
  bytes: Uint8Array;
  options: QuantizeOptions;
}

/**
 * The mutant of this number: the same for the same seed and models.
 *
 * @param models whole models, small ones first; the last ones, which are large, are taken seldom
 * @param large how many of them are large
 */
export function makeMutant(seed: number, index: number, models: readonly Uint8Array[], large: number): Mutant {
  const random = createRandom(seed, index);
  const small = models.length - large;
  const other = (): Uint8Array => models[random.below(small)]!;
  const source = large > 0 && random.chance(0.04) ? models[small + random.below(large)]! : other();
  const structured = random.chance(0.75) ? mutateStructure(source, random) : source;
  const bytes = structured === source || random.chance(0.1) ? mutateBytes(structured, random, other) : structured;
  return { bytes, options: anyOptions(formats[index % formats.length]!, random) };
}

function mutateStructure(bytes: Uint8Array, random: Random): Uint8Array {
  const model = readModel(bytesSource(bytes));
  for (let steps = 1 + random.below(3); steps > 0; steps--) {
    const mutate = random.chance(0.6) ? random.pick(GENTLE_MUTATIONS) : random.chance(0.35) ? mutateTensor : random.pick(GRAPH_MUTATIONS);
    mutate(model, random);
  }
  return bytesOf(model);
}

/** Mostly the defaults, each option now and then something else. */
function anyOptions(format: Format, random: Random): QuantizeOptions {
  const sometimes = <T>(usual: T, others: readonly T[]): T => (random.chance(0.2) ? random.pick(others) : usual);
  return {
    ...MODEL_DEFAULTS,
    format,
    keepNames: sometimes(false, [true]),
    ops: sometimes(MODEL_DEFAULTS.ops, [[...DYNAMIC_OPS], []]),
    activations: sometimes(MODEL_DEFAULTS.activations, ACTIVATION_INTEGERS),
    reduceRange: sometimes(false, [true]),
    perChannel: sometimes(true, [false]),
    block: sometimes(MODEL_DEFAULTS.block, BLOCK_SIZES),
    algorithm: sometimes(MODEL_DEFAULTS.algorithm, BLOCK_ALGORITHMS),
    symmetric: sometimes<boolean | undefined>(undefined, [true, false]),
    exclude: sometimes<QuantizeOptions['exclude']>([], [['w'], ['*'], ['product', '']]),
    minElements: sometimes(1, [0, 100, 1e9]),
  };
}
