import { assertSound } from '../../graph/passes/assert-sound.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { create, dtypeCode, readModel, ValueInfoProtoSchema, writeModel, type ByteSource, type ExternalFiles, type Model, type Payload } from '../../onnx/index.ts';
import { createContext, weightName, type QuantizeOptions } from '../context.ts';
import type { Observation } from '../gptq/observe.ts';
import { inlineExternalData } from '../inline-external.ts';
import { alreadyQuantized, quantizedPart } from '../qat/recognise.ts';
import { observeInputs, type ObservedProduct } from '../repair/observe-inputs.ts';
import { namesOf } from '../../graph/index.ts';
import { mainGraph, type MainGraph } from './candidates.ts';
import { staticOperator } from './operators.ts';
import { planStatic, rootOf, type Plan } from './plan.ts';
import { prepareStatic } from './prepare.ts';
import type { Tap } from './statistics.ts';
import { workTaps } from './work.ts';

/**
 * The model as static quantization will see it, with every value whose range it needs as a further output. Weights stay lazy.
 *
 * @returns the model, and what to watch; no taps where nothing of the model would be quantized. Observations are there for `reconstruct`: what
 *   `hessianSums` makes of them goes beside the statistics into `quantizeSource`
 * @throws QuantizeError when the model cannot be read (see quantizeSource)
 */
export function observeActivations(
  source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions,
): { stream: Payload; taps: Tap[]; observations: Observation[] } {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  inlineExternalData(model);
  // What is quantized already will be left alone.
  const refusal = alreadyQuantized(quantizedPart(model)) ?? prepareStatic(model, options);
  const plans = refusal === undefined ? [planned(model, { ...options, ...EVERYTHING }), planned(model, options)] : [];
  const taps = tapsOf(plans);
  const graph = model.proto.graph!;
  const outputs = new Set(graph.output.map(({ name }) => name));
  for (const { name } of taps) if (!outputs.has(name)) graph.output.push(floatOutput(name));
  const observations = options.reconstruct ? observeInputs(model, namesOf(model), plans.slice(0, 1).flatMap(productsOf)) : [];
  return { stream: writeModel(model), taps, observations };
}

interface Planned {
  main: MainGraph;
  plan: Plan;
}

/** What is to be known whatever products the user excludes: then one observation serves every choice of products. */
const EVERYTHING: Partial<QuantizeOptions> = { exclude: [], excludeOps: [], include: [], minElements: 1, integerDepthwise: true };

function planned(model: Model, options: QuantizeOptions): Planned {
  const main = mainGraph(createContext(model, options));
  return { main, plan: planStatic(main) };
}

function productsOf({ plan: { nodes } }: Planned): ObservedProduct[] {
  return nodes.flatMap(({ node, weight }) => (weight === undefined ? [] : [{ node, weight: weightName(weight.weight), dims: weight.weight.tensor.dims, axis: weight.axis }]));
}

function tapsOf(plans: readonly Planned[]): Tap[] {
  const taps = new Map<string, Tap>();
  const add = (name: string, channelAxis: number | null): void => void taps.set(name, { name, channelAxis: taps.get(name)?.channelAxis ?? channelAxis });
  for (const { main, plan } of plans) {
    for (const name of plan.quantized) add(rootOf(name, plan).root, null);
    for (const { node, weight, activations } of plan.nodes) if (weight !== undefined) add(activations[0]!, staticOperator(node)!.channelAxis!);
    for (const name of workTaps(main, taps)) add(name, null);
  }
  return [...taps.values()];
}

function floatOutput(name: string): ReturnType<typeof create<typeof ValueInfoProtoSchema>> {
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType: dtypeCode('float32') } } } });
}
