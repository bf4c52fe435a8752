import { indexEdges, isOperator, namesOf } from '../../graph/index.ts';
import type { Context } from '../context.ts';
import type { Statistics, TensorStatistics } from '../static/statistics.ts';
import { followChannels, type ChannelGraph, type Layer } from './channel-graph.ts';
import { createChannelSets, type ChannelSets } from './channel-sets.ts';
import type { Channels } from './carriers.ts';
import { scaleChannels } from './scale-channels.ts';
import { chooseSmoothing, type ReadInput } from './smoothing-strength.ts';

type ChannelFigures = NonNullable<TensorStatistics['channels']>;

/**
 * SmoothQuant (Xiao et al. 2022): channels of what matrix products read that are much larger than the others are divided where they are made,
 * and the rows of the products' weights multiplied, so that an activation with one scale for all channels needs fewer levels while weights,
 * which have scales of their own, take over what it loses.
 *
 *     LayerNormalization(x, g, b) -> MatMul(., W)    =>    LayerNormalization(x, g t, b t) -> MatMul(., W / t)
 *
 * - Channels are made by a norm, by a multiplication with a constant vector, or by another MatMul or Gemm; everything that reads them has to be
 *   a MatMul or Gemm with a constant weight, through Relu and the like (carriers.ts). Else the activation is left alone: a residual branch
 *   that adds a norm's output, as in BERT, would have to be divided again.
 * - Factors are powers of two: the float model computes the same numbers, bit for bit.
 * - Nothing of the model is observed again: ranges and figures of scaled channels follow from those that samples gave.
 *
 * @returns what samples told, as it is of the smoothed model
 */
export function smoothInputs(context: Context): Pick<Context, 'statistics' | 'inputFactor'> {
  const { model, statistics, exclusions, inputFactor } = context;
  const all = indexEdges(model);
  const [edges] = all;
  if (edges === undefined || statistics.size === 0) return { statistics, inputFactor };
  const sets = createChannelSets();
  const graph = followChannels(model, edges, all, sets, (weight) => !exclusions.has(weight), true);
  pinOthers(context, graph, sets);
  const logs = new Float64Array(sets.size());
  for (const group of groupsOf(graph, sets, statistics)) {
    const chosen = chooseSmoothing(group.inputs);
    group.roots.forEach((root, i) => (logs[root] = chosen[i]!));
  }
  if (logs.every((log) => log === 0)) return { statistics, inputFactor };
  const factorOf = (id: number): number => 2 ** logs[sets.root(id)]!;
  const scales = inputScales(graph, factorOf);
  scaleChannels(model, edges, graph, logs, sets, namesOf(model));
  const smoothed = new Map([...statistics].map(([name, found]) => {
    const channels = graph.known.get(name);
    return [name, channels === undefined ? found : scaled(found, channels, factorOf)];
  }));
  return { statistics: smoothed, inputFactor: (weight, K) => inputFactor(weight, K, scales.get(weight)) };
}

/** What the inputs of each weight are multiplied with, by the weight's name; weights that read the same value share the array. */
function inputScales({ layers }: ChannelGraph, factorOf: (id: number) => number): Map<string, Float64Array> {
  const known = new Map<string, Float64Array>();
  const scales = new Map<string, Float64Array>();
  for (const { node, weight, inputs } of layers) {
    if (inputs === undefined) continue;
    const scale = known.get(node.input[0]!) ?? Float64Array.from(inputs, factorOf);
    known.set(node.input[0]!, scale);
    if (scale.some((factor) => factor !== 1)) scales.set(weight.name, scale);
  }
  return scales;
}

/** Channels stay where a convolution or an excluded node has to do with them, or where samples did not look at each of them. */
function pinOthers({ statistics, leavesNode }: Context, { layers, norms, known }: ChannelGraph, sets: ChannelSets): void {
  for (const { node, inputs, outputs } of layers) {
    if (isOperator(node, 'MatMul', 'Gemm') && !leavesNode(node)) continue;
    sets.pin(outputs);
    if (inputs !== undefined) sets.pin(inputs);
  }
  for (const { node, outputs } of norms) if (leavesNode(node)) sets.pin(outputs);
  for (const [name, { ids, merged }] of known) {
    const found = statistics.get(name);
    if (found !== undefined && (merged || found.channels?.mean.length !== ids.length)) sets.pin(ids);
  }
}

interface Group {
  /** One for each channel. */
  roots: readonly number[];
  inputs: ReadInput[];
}

/** Activations whose channels go to products that were watched, all channels together; each channel is in one group. */
function groupsOf({ layers }: ChannelGraph, sets: ChannelSets, statistics: Statistics): Group[] {
  const groups = new Map<string, Group>();
  const unwatched = new Set<number>();
  for (const layer of layers) {
    if (layer.inputs === undefined || sets.isPinned(layer.inputs[0]!)) continue;
    const roots = Array.from(layer.inputs, sets.root);
    const channels = statistics.get(layer.node.input[0]!)?.channels;
    const key = roots.join();
    const group = groups.get(key) ?? { roots, inputs: [] };
    if (channels === undefined || new Set(roots).size < roots.length || roots.some(sets.isPinned)) roots.forEach((root) => unwatched.add(root));
    else group.inputs.push(readInput(layer, channels));
    groups.set(key, group);
  }
  // Products that read only a part of the channels would pull them apart.
  const counts = new Map<number, number>();
  for (const { roots } of groups.values()) for (const root of new Set(roots)) counts.set(root, (counts.get(root) ?? 0) + 1);
  return [...groups.values()].filter(({ roots, inputs }) => inputs.length > 0 && roots.every((root) => counts.get(root) === 1 && !unwatched.has(root)));
}

function readInput({ tensor, layout }: Layer, channels: ChannelFigures): ReadInput {
  return { tensor, rowsFirst: layout.outerIs === 'inputs', channels };
}

/** Figures of scaled channels; the range keeps the share of the extremes that the calibration method left. */
function scaled(found: TensorStatistics, { ids }: Channels, factorOf: (id: number) => number): TensorStatistics {
  const factors = Float64Array.from(ids, factorOf);
  if (found.channels === undefined || factors.every((factor) => factor === 1)) return found;
  const { min, max, mean } = found.channels;
  const channels = { min: min.map((value, c) => value * factors[c]!), max: max.map((value, c) => value * factors[c]!), mean: mean.map((value, c) => value * factors[c]!) };
  const [low, high] = [extreme(channels.min, Math.min), extreme(channels.max, Math.max)];
  const [lowBefore, highBefore] = [extreme(min, Math.min), extreme(max, Math.max)];
  return { ...found, channels, min: lowBefore === 0 ? low : low * (found.min / lowBefore), max: highBefore === 0 ? high : high * (found.max / highBefore) };
}

function extreme(values: Float32Array, of: (a: number, b: number) => number): number {
  return values.reduce((a, b) => of(a, b));
}
