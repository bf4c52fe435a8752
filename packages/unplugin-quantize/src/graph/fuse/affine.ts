/** y = scale x + offset, for each output channel, in float64. */
export interface Affine {
  readonly scale: Float64Array;
  readonly offset: Float64Array;
}

export function identity(channels: number): Affine {
  return { scale: new Float64Array(channels).fill(1), offset: new Float64Array(channels) };
}

/** First `inner`, then `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  return {
    scale: inner.scale.map((scale, i) => outer.scale[i]! * scale),
    offset: inner.offset.map((offset, i) => outer.scale[i]! * offset + outer.offset[i]!),
  };
}

/** True when no weight is scaled. */
export function isShift({ scale }: Affine): boolean {
  return scale.every((value) => value === 1);
}

/** Beyond this a network is not trained but broken, and a product could leave float32. */
const LARGEST = 2 ** 40;

export function isTame({ scale, offset }: Affine): boolean {
  return [scale, offset].every((values) => values.every((value) => Math.abs(value) <= LARGEST));
}
