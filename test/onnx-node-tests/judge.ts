import { bytesSource, readPayload } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { MODEL_DEFAULTS, SAMPLED_FORMATS } from '../../packages/unplugin-quantize/src/options.ts';
import { quantizeSource, type QuantizedSource } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import type { Format, WeightDecision } from '../../packages/unplugin-quantize/src/types.ts';
import { flatStatistics } from '../support/flat-statistics.ts';
import { distance, largest, type Distance } from './compare.ts';
import { runOnce, type Output } from './engine.ts';
import { absolute, halved, innerValues, parse, weightsOf, withWeights, type Weight, type Weights } from './reference.ts';
import { halfTolerance, PRODUCT_STEPS, productTolerance, weightProblem } from './tolerance.ts';
import type { Variant } from './variant-parts.ts';
import { BALLAST } from './variants.ts';

type Outputs = Record<string, Output>;

export interface Artefact extends QuantizedSource {
  bytes: Uint8Array;
}

export function quantizeModel(model: Uint8Array, format: Format, keepNames = false): Artefact {
  const [source, options] = [bytesSource(model), { ...MODEL_DEFAULTS, format, keepNames }];
  const observed = SAMPLED_FORMATS.includes(format) ? { statistics: flatStatistics(source, undefined, options) } : {};
  const result = quantizeSource(source, undefined, options, observed);
  return { ...result, bytes: readPayload(result.stream) };
}

/** What is wrong with the report of a model that nothing was done to, or undefined. */
export function untouchedProblem({ weights, notes, bytes }: Artefact, asked: Format, source: Uint8Array): string | undefined {
  if (Buffer.compare(bytes, source) !== 0) return 'is left as it is and has other bytes';
  if (asked !== 'none' && notes.length === 0) return 'is left as it is without a note';
  const silent = weights.find(({ scheme, reason }) => scheme !== 'kept' || reason === undefined);
  return silent && `keeps ${silent.tensor} without a reason`;
}

/** What is wrong with an artefact's outputs, given what the engine makes of the source; undefined when they are inside the format's tolerance. */
export async function outputProblem(variant: Variant, format: Format, artefact: Artefact, source: Outputs): Promise<string | undefined> {
  const found = await runOnce(artefact.bytes, variant.feeds);
  if ('failure' in found) return `does not run: ${found.failure}`;
  const references = await referencesOf(variant, quantizeModel(variant.model, format, true), source);
  if (typeof references === 'string') return references;
  const problems = references.map((reference) => firstProblem(found.outputs, reference));
  return problems.includes(undefined) ? undefined : problems[0];
}

/** Outputs that an artefact may give, and how far it may be from them. */
interface Reference {
  outputs: Outputs;
  measure(far: Distance): number;
  tolerance(far: Distance, name: string): number;
}

function firstProblem(found: Outputs, { outputs, measure, tolerance }: Reference): string | undefined {
  for (const [name, wanted] of Object.entries(outputs)) {
    if (name === BALLAST) continue;
    const far = distance(found[name], wanted);
    if (typeof far === 'string') return `output ${name} ${far}`;
    const allowed = tolerance(far, name);
    if (!(measure(far) <= allowed)) return `output ${name} is ${measure(far)} away, ${allowed} is allowed`;
  }
  return undefined;
}

async function referencesOf(variant: Variant, named: Artefact, source: Outputs): Promise<Reference[] | string> {
  const decided = named.weights.filter(({ scheme, tensor }) => scheme !== 'kept' && !tensor.startsWith('ballast'));
  const product = decided.find(({ scheme }) => scheme in PRODUCT_STEPS);
  if (named.format === 'fp16' || (named.format === 'int4-fp16' && product === undefined)) return halfReferences(variant, named, source);
  if (decided.length === 0) return [exactly(source)];
  if (product === undefined) return unpackedReferences(variant, named, decided);
  const { values: weight } = weightsOf(parse(variant.model))[product.tensor]!;
  const [input] = Object.values(variant.feeds);
  return [{ outputs: source, measure: ({ norm }) => norm, tolerance: (_, name) => productTolerance(product, weight, input, source[name]!.numbers.length, named.format === 'int4-fp16') }];
}

function exactly(outputs: Outputs): Reference {
  return { outputs, measure: ({ max }) => max, tolerance: () => 0 };
}

/** An engine may leave out a pair of casts and compute in float32 after all. */
async function halfReferences(variant: Variant, named: Artefact, source: Outputs): Promise<Reference[] | string> {
  const model = parse(variant.model);
  const rounded = halved(parse(named.bytes), model, variant.feeds);
  const outputs = await runSource({ ...variant, feeds: rounded.feeds }, rounded.weights);
  if (typeof outputs === 'string') return outputs;
  const nodes = model.proto.graph!.node.filter(({ output }) => !output.includes(BALLAST));
  const [input] = Object.values(variant.feeds);
  const isProduct = nodes.some(({ opType }) => opType === 'MatMul' || opType === 'Gemm');
  const sums = isProduct ? await runSource({ ...variant, feeds: absolute(rounded).feeds }, absolute(rounded).weights) : outputs;
  if (typeof sums === 'string') return sums;
  const terms = isProduct ? Math.max(...(input?.dims ?? []), 1) : 1;
  const tolerance = (_: Distance, name: string): number => halfTolerance(nodes.length + terms, Math.max(largest(outputs[name]!.numbers), largest(sums[name]!.numbers)));
  return [outputs, source].map((wanted) => ({ outputs: wanted, measure: ({ max }) => max, tolerance }));
}

/** Storage computes what the source computes with the weights that come out of it, to the bit. */
async function unpackedReferences(variant: Variant, named: Artefact, decided: readonly WeightDecision[]): Promise<Reference[] | string> {
  const names = decided.map(({ tensor }) => tensor);
  const unpacked = await innerValues(named.bytes, names, variant.feeds);
  // A folded constant is no initializer of the source.
  const original = await innerValues(variant.model, names, variant.feeds);
  if (typeof unpacked === 'string') return `does not show its weights: ${unpacked}`;
  if (typeof original === 'string') return `the source does not show its weights: ${original}`;
  for (const { scheme, tensor } of decided) {
    const problem = weightProblem(scheme, unpacked[tensor]!.values, original[tensor]!.values);
    if (problem !== undefined) return `weight ${tensor} ${problem}`;
  }
  const outputs = await runSource(variant, { ...unpacked, ...mergedWeights(variant, unpacked, original) });
  return typeof outputs === 'string' ? outputs : [exactly(outputs)];
}

/** Weights that were equal to another one are that one afterwards. */
function mergedWeights(variant: Variant, unpacked: Weights, original: Weights): Weights {
  const others = Object.entries(weightsOf(parse(variant.model))).filter(([name]) => unpacked[name] === undefined);
  return Object.fromEntries(others.flatMap(([name, weight]) => {
    const equal = Object.keys(original).find((other) => isEqual(original[other]!, weight));
    return equal === undefined ? [] : [[name, unpacked[equal]!]];
  }));
}

function isEqual(a: Weight, b: Weight): boolean {
  return a.dims.join() === b.dims.join() && a.values.every((value, i) => Object.is(value, b.values[i]));
}

async function runSource(variant: Variant, weights: Weights): Promise<Outputs | string> {
  const result = await runOnce(withWeights(variant.model, weights), variant.feeds);
  return 'failure' in result ? `the source does not run with the artefact's weights: ${result.failure}` : result.outputs;
}
