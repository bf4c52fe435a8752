import type { RgbaImage } from './image.ts';

/** The two source pixels and the weight of the second, for each target pixel of one axis. */
interface Axis {
  first: Int32Array;
  second: Int32Array;
  weight: Float32Array;
}

/**
 * Resizes with bilinear interpolation between pixel centres and without a low-pass filter,
 * as OpenCV's INTER_LINEAR does: the models were trained on images resized in that way.
 */
export function resize(image: RgbaImage, width: number, height: number): RgbaImage {
  const columns = axis(image.width, width);
  const rows = axis(image.height, height);
  const data = new Uint8ClampedArray(width * height * 4);
  let target = 0;
  for (let y = 0; y < height; y++) {
    const upper = at(rows.first, y) * image.width;
    const lower = at(rows.second, y) * image.width;
    const down = at(rows.weight, y);
    for (let x = 0; x < width; x++) {
      const left = at(columns.first, x);
      const right = at(columns.second, x);
      const along = at(columns.weight, x);
      for (let channel = 0; channel < 4; channel++) {
        const a = at(image.data, (upper + left) * 4 + channel);
        const b = at(image.data, (upper + right) * 4 + channel);
        const c = at(image.data, (lower + left) * 4 + channel);
        const d = at(image.data, (lower + right) * 4 + channel);
        const top = a + (b - a) * along;
        const bottom = c + (d - c) * along;
        data[target++] = top + (bottom - top) * down;
      }
    }
  }
  return { data, width, height };
}

function axis(source: number, target: number): Axis {
  const first = new Int32Array(target);
  const second = new Int32Array(target);
  const weight = new Float32Array(target);
  for (let i = 0; i < target; i++) {
    const centre = ((i + 0.5) * source) / target - 0.5;
    const position = Math.min(Math.max(centre, 0), source - 1);
    first[i] = Math.floor(position);
    second[i] = Math.min(Math.floor(position) + 1, source - 1);
    weight[i] = position - Math.floor(position);
  }
  return { first, second, weight };
}

/** An element of a typed array at an index that the caller keeps in range. */
function at(array: ArrayLike<number>, index: number): number {
  return array[index] as number;
}
