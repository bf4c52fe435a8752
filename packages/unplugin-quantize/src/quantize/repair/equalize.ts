import { indexEdges, namesOf, type Names } from '../../graph/index.ts';
import type { Model, TensorProto } from '../../onnx/index.ts';
import { balance } from './balance.ts';
import { followChannels, type Layer } from './channel-graph.ts';
import { createChannelSets, type ChannelSets } from './channel-sets.ts';
import { scaleChannels } from './scale-channels.ts';

/** A channel is scaled by at most 2^24 either way: weights of 2^-100 and above stay normal numbers. */
const LARGEST_EXPONENT = 24;

/**
 * Cross-layer equalization (Nagel et al. 2019): where channels of an activation go from one product to others through nothing but positively
 * homogeneous operators, each channel is multiplied by a factor in the weights (and bias) that make it and divided by it in those that
 * read it. Channels whose ranges differ a lot, and would share one scale as an activation, come close to each other.
 *
 *     Conv(x, W1, b1) -> Relu -> Conv(., W2)    =>    Conv(x, t W1, t b1) -> Relu -> Conv(., W2 / t)
 *
 * - Factors are powers of two, so that the model computes the same numbers, bit for bit, unless numbers underflow or overflow float32.
 * - Products are Conv, ConvTranspose, Gemm and MatMul with constant weights that nothing else reads. Between them may be what `carriers.ts`
 *   lists: Relu, LeakyRelu, PRelu, pooling, Add of several branches (which are scaled alike), Concat, Resize, Mul with a gate...
 * - Clip, and so Relu6, is not homogeneous: its bounds would have to be scaled channel by channel, which no engine fuses. It ends a chain.
 * - Needs no samples, and gives the same result each time it is run on the same model.
 *
 * @param mayScale whether a weight may be changed
 * @returns the number of activations whose channels were scaled
 */
export function equalizeChannels(model: Model, mayScale: (weight: TensorProto) => boolean = () => true): number {
  const all = indexEdges(model);
  let names: Names | undefined;
  let scaled = 0;
  for (const edges of all) {
    const sets = createChannelSets();
    const graph = followChannels(model, edges, all, sets, mayScale);
    const logs = wholePowers(graph.layers, balance(graph.layers, sets), sets);
    if (logs.every((log) => log === 0)) continue;
    scaled += scaleChannels(model, edges, graph, logs, sets, (names ??= namesOf(model)));
  }
  return scaled;
}

/** Channels of an activation are even when the logarithms of their factors have a standard deviation below this. */
const EVEN = 1;
/** Of an even activation only channels further than this from the others are scaled: trained networks are best left alone. */
const OUTLIER = 2;

/**
 * Logarithms rounded to whole numbers. A factor that all channels of an activation have in common changes no quantization, so the most
 * frequent one is taken out and those channels stay as they are.
 */
function wholePowers(layers: readonly Layer[], logs: Float64Array, sets: ChannelSets): Float64Array {
  const whole = new Float64Array(logs.length);
  const done = new Set<number>();
  for (const { outputs } of layers) {
    const roots = [...new Set(Array.from(outputs, sets.root))].filter((root) => !sets.isPinned(root) && !done.has(root));
    const finite = roots.map((root) => logs[root]!).filter(Number.isFinite);
    const common = mostFrequent(finite.map(Math.round));
    const smallest = deviation(finite) < EVEN ? OUTLIER + 1 : 1;
    for (const root of roots) {
      done.add(root);
      const exponent = Math.round(logs[root]!) - common;
      if (Math.abs(exponent) >= smallest) whole[root] = Math.max(-LARGEST_EXPONENT, Math.min(LARGEST_EXPONENT, exponent));
    }
  }
  return whole;
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** The smallest of those that are there most often; 0 for none. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let [best, most] = [0, 0];
  for (const [value, count] of counts) if (count > most || (count === most && value < best)) [best, most] = [value, count];
  return best;
}
