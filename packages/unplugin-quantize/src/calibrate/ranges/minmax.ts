import type { Range, Seen } from './range.ts';

/** The range of all values: nothing is clipped. */
export function minMaxRange({ extremes }: Seen): Range {
  return extremes;
}
