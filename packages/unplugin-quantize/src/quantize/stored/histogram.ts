/** As many as a small plot can show. */
export const BINS = 64;

/** Counts finite values in bins of equal width from `from` to `to`; those beyond count at the ends. */
export function countInto(counts: number[], values: Float32Array, from: number, to: number): void {
  const perUnit = to > from ? counts.length / (to - from) : 0;
  const last = counts.length - 1;
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor((values[i]! - from) * perUnit);
    if (bin === bin) counts[bin < 0 ? 0 : bin > last ? last : bin]!++;
  }
}
