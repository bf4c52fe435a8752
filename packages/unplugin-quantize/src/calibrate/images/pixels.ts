/** An image of 8-bit channels, interleaved: the channels of a pixel side by side, rows from the top. */
export interface Pixels {
  width: number;
  height: number;
  channels: number;
  data: Uint8Array;
}

export type ColorOrder = 'rgb' | 'bgr' | 'gray';

/**
 * The channels that a model wants, from 1 (gray) to 4 (red, green, blue, alpha) channels; alpha is dropped. Gray is Pillow's luma of
 * ITU-R 601 in 16-bit fixed point: (19595 R + 38470 G + 7471 B + 2^15) / 2^16.
 */
export function toColors({ width, height, channels, data }: Pixels, order: ColorOrder): Pixels {
  const isColored = channels >= 3;
  const count = width * height;
  if (order === 'rgb' && channels === 3) return { width, height, channels, data };
  const wanted = order === 'gray' ? 1 : 3;
  const out = new Uint8Array(count * wanted);
  for (let i = 0; i < count; i++) {
    const at = i * channels;
    const red = data[at]!;
    const green = isColored ? data[at + 1]! : red;
    const blue = isColored ? data[at + 2]! : red;
    if (order === 'gray') {
      out[i] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >>> 16;
      continue;
    }
    out[i * 3] = order === 'rgb' ? red : blue;
    out[i * 3 + 1] = green;
    out[i * 3 + 2] = order === 'rgb' ? blue : red;
  }
  return { width, height, channels: wanted, data: out };
}
