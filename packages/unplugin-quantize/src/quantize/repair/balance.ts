import type { Layer } from './channel-graph.ts';
import type { ChannelSets } from './channel-sets.ts';
import { channelRanges, pairMaxima } from './scale-weight.ts';
import { inputChannels } from './weight-layout.ts';

/** Sweeps end when no channel would change by more than this, in powers of two; a quarter decides no rounding that matters. */
const STEADY = 0.25;
const MAX_SWEEPS = 16;
/** Pair maxima that are kept between sweeps, in elements (64 MB); those of further weights are computed again from their data. */
const KEPT_PAIRS = 2 ** 24;

/** Channels that come from one layer first, with all layers that make or read them. */
interface Group {
  readonly roots: readonly number[];
  readonly makers: Set<Layer>;
  readonly readers: Set<Layer>;
}

/**
 * The factor of every channel that evens out weight ranges (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
 * Correction", section 4.1), as the logarithm to base 2. With r1 the largest weight that makes a channel and r2 the largest that reads
 * it, the channel is multiplied by sqrt(r2 / r1): both ranges become sqrt(r1 r2). Layers are gone through in order, over and over,
 * because a weight between two activations is changed from both sides.
 *
 * @returns by root number; 0 for channels that are pinned, NaN for those that zeros make, -Infinity for those that only zeros read
 */
export function balance(layers: readonly Layer[], sets: ChannelSets): Float64Array {
  const logs = new Float64Array(sets.size());
  const groups = groupsOf(layers, sets);
  const odd = new Map<number, number>();
  const maximaOf = keeping(KEPT_PAIRS);
  const ranges = (layer: Layer, of: 'outputs' | 'inputs'): Float64Array =>
    channelRanges(maximaOf(layer), layer.layout, factors(layer.outputs, logs, sets, 1), inputFactors(layer, logs, sets), of);

  for (let sweep = 0, change = Infinity; sweep < MAX_SWEEPS && change > STEADY; sweep++) {
    change = 0;
    for (const group of groups) {
      const made = new Map<number, number>();
      const read = new Map<number, number>();
      for (const layer of group.makers) raise(made, layer.outputs, ranges(layer, 'outputs'), sets);
      for (const layer of group.readers) raise(read, layer.inputs!, ranges(layer, 'inputs'), sets);
      for (const root of group.roots) {
        const step = Math.log2(read.get(root)! / made.get(root)!) / 2;
        if (!Number.isFinite(step)) {
          odd.set(root, read.get(root) === 0 ? -Infinity : NaN);
          continue;
        }
        logs[root]! += step;
        change = Math.max(change, Math.abs(step));
      }
    }
  }
  for (const [root, log] of odd) logs[root] = log;
  return logs;
}

function groupsOf(layers: readonly Layer[], sets: ChannelSets): Group[] {
  const homes = new Map<number, Group>();
  const groups: Group[] = [];
  for (const layer of layers) {
    const roots = [...new Set([...layer.outputs].filter((id) => !sets.isPinned(id)).map(sets.root))];
    const group = { roots: roots.filter((root) => !homes.has(root)), makers: new Set<Layer>(), readers: new Set<Layer>() };
    for (const root of group.roots) homes.set(root, group);
    if (group.roots.length > 0) groups.push(group);
    for (const root of roots) homes.get(root)!.makers.add(layer);
  }
  for (const layer of layers) for (const id of layer.inputs ?? []) if (!sets.isPinned(id)) homes.get(sets.root(id))!.readers.add(layer);
  return groups.filter(({ readers }) => readers.size > 0);
}

function raise(ranges: Map<number, number>, ids: Int32Array, found: Float64Array, sets: ChannelSets): void {
  ids.forEach((id, i) => {
    const root = sets.root(id);
    const before = ranges.get(root);
    if (before === undefined || !(before >= found[i]!)) ranges.set(root, found[i]!);
  });
}

/** 2 to the power of `sign` times the logarithm of each channel. */
export function factors(ids: Int32Array, logs: Float64Array, sets: ChannelSets, sign: 1 | -1): Float64Array {
  return Float64Array.from(ids, (id) => 2 ** (sign * logs[sets.root(id)]!));
}

/** Readers undo what makers do. */
export function inputFactors({ inputs, layout }: Layer, logs: Float64Array, sets: ChannelSets): Float64Array {
  return inputs === undefined ? new Float64Array(inputChannels(layout)).fill(1) : factors(inputs, logs, sets, -1);
}

function keeping(budget: number): (layer: Layer) => Float32Array {
  const kept = new Map<Layer, Float32Array>();
  let left = budget;
  return (layer) => {
    const known = kept.get(layer);
    if (known !== undefined) return known;
    const maxima = pairMaxima(layer.tensor, layer.layout);
    if (maxima.length <= left) {
      left -= maxima.length;
      kept.set(layer, maxima);
    }
    return maxima;
  };
}
