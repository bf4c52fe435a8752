import { assertSound } from '../../graph/passes/assert-sound.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { readModel, writeModel, type ByteSource, type ExternalFiles, type Model, type Payload } from '../../onnx/index.ts';
import { createContext, weightName, type QuantizeOptions } from '../context.ts';
import type { Observation } from '../gptq/observe.ts';
import { inlineExternalData } from '../inline-external.ts';
import { alreadyQuantized, quantizedPart } from '../qat/recognise.ts';
import { observeInputs, type ObservedProduct } from '../repair/observe-inputs.ts';
import { namesOf, resolve, type Scope } from '../../graph/index.ts';
import { handOut } from './hand-out.ts';
import { staticOperator } from './operators.ts';
import { planStatic, rootOf, type Planned } from './plan.ts';
import { prepareStatic } from './prepare.ts';
import type { Tap } from './statistics.ts';
import { graphViews, valueKey, type GraphView } from './views.ts';
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
  const values = valuesOf(plans);
  const observations = options.reconstruct ? observeInputs(model, namesOf(model), plans.slice(0, 1).flatMap(productsOf)) : [];
  const give = handOut(model, namesOf(model));
  const taps = [...values].map(([name, { scope, value, channelAxis }]): Tap => (give(scope, value, name) ? { name, channelAxis: null, isReduced: true } : { name, channelAxis }));
  return { stream: writeModel(model), taps, observations };
}

/** What is to be known whatever products the user excludes: then one observation serves every choice of products. */
const EVERYTHING: Partial<QuantizeOptions> = { exclude: [], excludeOps: [], include: [], minElements: 1, integerDepthwise: true };

function planned(model: Model, options: QuantizeOptions): Planned[] {
  return planStatic(graphViews(createContext(model, options)));
}

/** Of the main graph. */
function productsOf(graphs: readonly Planned[]): ObservedProduct[] {
  return graphs[0]!.plan.nodes.flatMap(({ node, weight }) => (weight === undefined ? [] : [{ node, weight: weightName(weight.weight), dims: weight.weight.tensor.dims, axis: weight.axis }]));
}

interface ObservedValue extends Pick<Tap, 'channelAxis'> {
  /** The scope that defines it. */
  scope: Scope;
  value: string;
}

/** By the key of the value. */
function valuesOf(plans: readonly (readonly Planned[])[]): Map<string, ObservedValue> {
  const values = new Map<string, ObservedValue>();
  const add = (view: GraphView, value: string, channelAxis: number | null): void => {
    const { scope } = resolve(value, view.edges.scope, view.all) ?? view.edges;
    const key = valueKey(view, value);
    values.set(key, { scope, value, channelAxis: values.get(key)?.channelAxis ?? channelAxis });
  };
  for (const graphs of plans) {
    for (const { view, plan } of graphs) {
      for (const name of plan.quantized) add(view, rootOf(name, plan).root, null);
      for (const { node, weight, activations } of plan.nodes) if (weight !== undefined) add(view, activations[0]!, staticOperator(node)!.channelAxis!);
    }
    const [{ view }] = graphs as [Planned, ...Planned[]];
    for (const name of workTaps(view, values)) add(view, name, null);
  }
  return values;
}
