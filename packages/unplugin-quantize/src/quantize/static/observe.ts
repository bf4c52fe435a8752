import { assertSound } from '../../graph/passes/assert-sound.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { create, dtypeCode, readModel, ValueInfoProtoSchema, writeModel, type ByteSource, type ExternalFiles, type Model, type Payload } from '../../onnx/index.ts';
import { createContext, type QuantizeOptions } from '../context.ts';
import { inlineExternalData } from '../inline-external.ts';
import { mainGraph } from './candidates.ts';
import { staticOperator } from './operators.ts';
import { planStatic, rootOf } from './plan.ts';
import { prepareStatic } from './prepare.ts';
import type { Tap } from './statistics.ts';
import { workTaps } from './work.ts';

/**
 * The model as static quantization will see it, with every value whose range it needs as a further output. Weights stay lazy.
 *
 * @returns the model, and what to watch; no taps where nothing of the model would be quantized
 * @throws QuantizeError when the model cannot be read (see quantizeSource)
 */
export function observeActivations(source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions): { stream: Payload; taps: Tap[] } {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  inlineExternalData(model);
  const refusal = prepareStatic(model, options);
  const taps = refusal === undefined ? tapsOf(model, options) : [];
  const graph = model.proto.graph!;
  const outputs = new Set(graph.output.map(({ name }) => name));
  for (const { name } of taps) if (!outputs.has(name)) graph.output.push(floatOutput(name));
  return { stream: writeModel(model), taps };
}

/** All that may have to be known, whatever the user excludes: then one observation serves every choice of nodes. */
function tapsOf(model: Model, options: QuantizeOptions): Tap[] {
  const main = mainGraph(createContext(model, { ...options, exclude: [], excludeOps: [], include: [], minElements: 1, integerDepthwise: true }));
  const plan = planStatic(main);
  const taps = new Map<string, Tap>();
  const add = (name: string, channelAxis: number | null): void => void taps.set(name, { name, channelAxis: taps.get(name)?.channelAxis ?? channelAxis });
  for (const name of plan.quantized) add(rootOf(name, plan).root, null);
  for (const { node, weight, activations } of plan.nodes) if (weight !== undefined) add(activations[0]!, staticOperator(node)!.channelAxis!);
  for (const name of workTaps(main)) add(name, null);
  return [...taps.values()];
}

function floatOutput(name: string): ReturnType<typeof create<typeof ValueInfoProtoSchema>> {
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType: dtypeCode('float32') } } } });
}
