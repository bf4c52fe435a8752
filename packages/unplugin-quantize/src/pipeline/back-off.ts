import type { ArtefactOptions } from '../options.ts';
import type { ModelReport, WeightDecision } from '../types.ts';
import { exactly } from './exactly.ts';

/** Weights that are tried and kept together: one, or all that are too small to matter alone. */
export interface WeightGroup {
  names: string[];
  /** Bytes that the artefact grows by when they are stored in half precision. */
  cost: number;
}

export interface BackOffTools<T extends { report: ModelReport }> {
  /** Makes the artefact that the options tell of. */
  attempt(options: ArtefactOptions): Promise<T>;
  /** The error that quantizing each group alone brings to the outputs (sensitivity.ts). */
  sensitivity(options: ArtefactOptions, groups: string[][]): Promise<number[]>;
  isHeld(result: T): boolean;
  /** Bytes from which on an artefact is of no use, because a smaller one holds. */
  useless?: number;
}

/** Weights below this share of all of them are one group: to look at each would take long and change little. */
const SMALL_SHARE = 1 / 2000;

/**
 * Keeps weights in half precision until the budget is held, those first whose quantization brings the most error for each byte that it saves. How many it
 * takes is searched for: 1, 2, 4... until the budget is held, then by halving what lies between.
 *
 * @param plain the artefact that breaks the budget
 * @returns the smallest artefact that was found to hold, with its groups in the order of the search; undefined where even all weights in half precision
 *   are not enough, or too many
 */
export async function backOff<T extends { report: ModelReport }>(options: ArtefactOptions, plain: T, tools: BackOffTools<T>): Promise<{ result: T; kept: string[] } | undefined> {
  const groups = groupsOf(plain.report.weights);
  if (groups.length === 0) return undefined;
  const noises = await tools.sensitivity(trialOptions(options, plain.report), groups.map(({ names }) => names));
  const order = groups.map((group, i) => ({ ...group, worth: noises[i]! / group.cost })).sort((a, b) => b.worth - a.worth || (a.names[0]! < b.names[0]! ? -1 : 1));
  const first = (count: number): string[] => order.slice(0, count).flatMap(({ names }) => names);
  const { useless = Infinity } = tools;
  const bytesOf = (count: number): number => order.slice(0, count).reduce((sum, { cost }) => sum + cost, plain.report.artefact.bytes);
  const tried = async (count: number): Promise<T | undefined> => {
    const result = await tools.attempt({ ...options, half: [...options.half, ...exactly(first(count))] });
    return tools.isHeld(result) ? result : undefined;
  };
  let failed = 0;
  let count = 1;
  let held = await tried(count);
  while (held === undefined) {
    failed = count;
    count = Math.min(2 * count, order.length);
    if (failed === order.length || bytesOf(failed + 1) >= useless) return undefined;
    held = await tried(count);
  }
  while (count - failed > 1) {
    const middle = Math.floor((failed + count) / 2);
    const result = await tried(middle);
    if (result === undefined) failed = middle;
    else [held, count] = [result, middle];
  }
  return { result: held, kept: first(count) };
}

/** The weights that the artefact has smaller than half precision would have them. */
export function groupsOf(weights: readonly WeightDecision[]): WeightGroup[] {
  const changed = weights.filter(({ scheme, bytesBefore, bytesAfter }) => scheme !== 'kept' && bytesAfter < bytesBefore / 2);
  const total = changed.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0);
  const [large, small] = [changed.filter(({ bytesBefore }) => bytesBefore >= total * SMALL_SHARE), changed.filter(({ bytesBefore }) => bytesBefore < total * SMALL_SHARE)];
  return [...large.map((weight) => [weight]), ...(small.length > 0 ? [small] : [])].map((group) => ({
    names: group.map(({ tensor }) => tensor),
    cost: group.reduce((sum, { bytesBefore, bytesAfter }) => sum + bytesBefore / 2 - bytesAfter, 0),
  }));
}

/** With one weight `int8` would find that fixed scales gain nothing: what it has chosen for all of them counts. */
function trialOptions(options: ArtefactOptions, { weights }: ModelReport): ArtefactOptions {
  const isStatic = options.format === 'int8' && weights.some(({ scheme }) => scheme === 'int8-static');
  return isStatic ? { ...options, format: 'int8-static' } : options;
}
