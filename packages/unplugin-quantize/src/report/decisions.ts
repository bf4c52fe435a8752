import type { ModelReport, WeightDecision } from '../types.ts';
import { formatBytes } from './size.ts';
import { alignColumns, printable } from './text.ts';

/**
 * What became of the weights: a line for each scheme with how many and how large, then the kept tensors with the reason, largest first.
 *
 * @param limit at most this many kept tensors are listed; how many more there are is said
 */
export function formatDecisions({ weights }: Pick<ModelReport, 'weights'>, limit = Infinity): string {
  const kept = weights.filter(({ scheme }) => scheme === 'kept').toSorted(bySize);
  const listed = kept.slice(0, limit);
  const rest = kept.slice(listed.length);
  return [
    ...alignColumns(schemes(weights), [1, 2, 4]),
    ...(kept.length === 0 ? [] : ['kept as they are:']),
    ...alignColumns(listed.map(describeKept), [1]).map((line) => `  ${line}`),
    ...(rest.length === 0 ? [] : [`  and ${rest.length} more, ${formatBytes(total(rest, 'bytesBefore'))}`]),
  ].join('\n');
}

function schemes(weights: readonly WeightDecision[]): string[][] {
  const names = [...new Set(weights.map(({ scheme }) => scheme))].sort();
  return names.map((scheme) => {
    const group = weights.filter((weight) => weight.scheme === scheme);
    return [scheme, `${group.length} tensors`, formatBytes(total(group, 'bytesBefore')), '→', formatBytes(total(group, 'bytesAfter'))];
  });
}

function describeKept({ tensor, bytesBefore, dtype, dims, ops, reason = '' }: WeightDecision): string[] {
  return [printable(tensor), formatBytes(bytesBefore), `${dtype}[${dims.join(',')}]`, ops.map(printable).join(', '), printable(reason)];
}

function total(weights: readonly WeightDecision[], field: 'bytesBefore' | 'bytesAfter'): number {
  return weights.reduce((sum, weight) => sum + weight[field], 0);
}

/** Largest first; equal sizes by name, by code units so that no locale decides. */
function bySize(a: WeightDecision, b: WeightDecision): number {
  return b.bytesBefore - a.bytesBefore || (a.tensor < b.tensor ? -1 : a.tensor > b.tensor ? 1 : 0);
}
