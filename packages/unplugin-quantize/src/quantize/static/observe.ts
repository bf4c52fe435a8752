import { isOperator } from '../../graph/index.ts';
import { assertSound } from '../../graph/passes/assert-sound.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { create, dtypeCode, readModel, ValueInfoProtoSchema, writeModel, type ByteSource, type ExternalFiles, type Model, type Payload } from '../../onnx/index.ts';
import type { QuantizeOptions } from '../context.ts';
import { inlineExternalData } from '../inline-external.ts';
import { floatValues } from './float-values.ts';
import { prepareStatic } from './prepare.ts';
import type { Tap } from './statistics.ts';

/**
 * The model as static quantization will see it, with every value whose range it needs as a further output. Weights stay lazy.
 *
 * @returns the model, and what to watch; no taps where nothing of the model would be quantized
 * @throws QuantizeError when the model cannot be read (see quantizeSource)
 */
export function observeActivations(source: ByteSource, files: ExternalFiles | undefined, _options: QuantizeOptions): { stream: Payload; taps: Tap[] } {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  inlineExternalData(model);
  const refusal = prepareStatic(model);
  const taps = refusal === undefined ? tapsOf(model) : [];
  const graph = model.proto.graph!;
  const outputs = new Set(graph.output.map(({ name }) => name));
  for (const { name } of taps) if (!outputs.has(name)) graph.output.push(floatOutput(name));
  return { stream: writeModel(model), taps };
}

/** Operators whose inputs and outputs may be quantized, with the channel axis of what they read. */
const OBSERVED: Record<string, number | null> = { Conv: 1, MatMul: -1, Gemm: -1, Add: null, Mul: null, Relu: null, Clip: null, AveragePool: null, GlobalAveragePool: null, LeakyRelu: null, Sigmoid: null, Softmax: null, Concat: null };

function tapsOf(model: Model): Tap[] {
  const floats = floatValues(model);
  const taps = new Map<string, Tap>();
  for (const node of model.proto.graph!.node) {
    if (!isOperator(node, ...Object.keys(OBSERVED))) continue;
    const axis = OBSERVED[node.opType]!;
    for (const [index, name] of [...node.input, ...node.output].entries()) {
      if (!floats.has(name)) continue;
      const channelAxis = taps.get(name)?.channelAxis ?? (index === 0 ? axis : null);
      taps.set(name, { name, channelAxis });
    }
  }
  return [...taps.values()];
}

function floatOutput(name: string): ReturnType<typeof create<typeof ValueInfoProtoSchema>> {
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType: dtypeCode('float32') } } } });
}
