/** Offset of the first largest element among `width` from `start`; NaN counts as largest, as in numpy. */
export function argmax(data: ArrayLike<number>, start: number, width: number): number {
  let best = 0;
  for (let i = 0; i < width; i++) {
    const value = data[start + i]!;
    if (Number.isNaN(value)) return i;
    if (value > data[start + best]!) best = i;
  }
  return best;
}
