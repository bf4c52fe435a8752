import type { Pixels } from './pixels.ts';

export type ResampleFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

interface Kernel {
  /** Half of its width in pixels of the source, where nothing shrinks. */
  support: number;
  at(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** As Pillow defines them; bicubic has a = -1/2. */
const KERNELS: Record<Exclude<ResampleFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, at: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(x * Math.PI)) : 0) },
  bicubic: { support: 2, at: (x) => bicubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function bicubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** Bits after the point of a weight: 32 less 8 of a pixel and 2 for sums beyond 255 and their sign. */
const PRECISION = 22;

/**
 * Resizes as Pillow does, to the bit: along rows, then along columns, each to 8 bits; weights over all source pixels that a new pixel covers, in
 * 22-bit fixed point. So machines cannot differ in a pixel. As in Pillow 13, columns come first where the height shrinks and the width grows;
 * older versions differ in that case only.
 */
export function resample(image: Pixels, width: number, height: number, filter: ResampleFilter): Pixels {
  if (filter === 'nearest') return nearest(image, width, height);
  const kernel = KERNELS[filter];
  const rows = (from: Pixels): Pixels => (width === from.width ? from : alongRows(from, width, kernel));
  const columns = (from: Pixels): Pixels => (height === from.height ? from : alongColumns(from, height, kernel));
  return height < image.height && width >= image.width ? rows(columns(image)) : columns(rows(image));
}

/** Weights of the source's pixels for each new pixel: `count` of them from `first` on. */
interface Weights {
  size: number;
  first: Int32Array;
  count: Int32Array;
  values: Int32Array;
}

function weightsOf(from: number, to: number, { support, at }: Kernel): Weights {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const size = Math.ceil(reach) * 2 + 1;
  const weights: Weights = { size, first: new Int32Array(to), count: new Int32Array(to), values: new Int32Array(to * size) };
  const exact = new Float64Array(size);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      exact[k] = at((k + first - center + 0.5) * (1 / stretch));
      sum += exact[k]!;
    }
    for (let k = 0; k < count; k++) {
      const share = (sum === 0 ? exact[k]! : exact[k]! / sum) * 2 ** PRECISION;
      weights.values[i * size + k] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
    weights.first[i] = first;
    weights.count[i] = count;
  }
  return weights;
}

function alongRows({ width: from, height, channels, data }: Pixels, width: number, kernel: Kernel): Pixels {
  const { size, first, count, values } = weightsOf(from, width, kernel);
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let at = (y * from + first[x]!) * channels + c;
        let sum = 2 ** (PRECISION - 1);
        for (let k = 0; k < count[x]!; k++, at += channels) sum += data[at]! * values[x * size + k]!;
        out[(y * width + x) * channels + c] = clamp(sum);
      }
    }
  }
  return { width, height, channels, data: out };
}

function alongColumns({ width, height: from, channels, data }: Pixels, height: number, kernel: Kernel): Pixels {
  const { size, first, count, values } = weightsOf(from, height, kernel);
  const row = width * channels;
  const out = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < row; x++) {
      let at = first[y]! * row + x;
      let sum = 2 ** (PRECISION - 1);
      for (let k = 0; k < count[y]!; k++, at += row) sum += data[at]! * values[y * size + k]!;
      out[y * row + x] = clamp(sum);
    }
  }
  return { width, height, channels, data: out };
}

/** Sums stay below 2^31: weights of a pixel add up to 2^22, those of one sign to less than twice that. */
function clamp(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** The pixel whose area the new pixel's middle falls into. */
function nearest({ width: fromWidth, height: fromHeight, channels, data }: Pixels, width: number, height: number): Pixels {
  const columns = middles(fromWidth, width);
  const rows = middles(fromHeight, height);
  const out = new Uint8Array(width * height * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const source = (rows[y]! * fromWidth + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) out[at++] = data[source + c]!;
    }
  }
  return { width, height, channels, data: out };
}

/** Steps are added one by one, as Pillow does: a product would be off by one pixel at times. */
function middles(from: number, to: number): Int32Array {
  const step = from / to;
  const out = new Int32Array(to);
  for (let i = 0, at = step * 0.5; i < to; i++, at += step) out[i] = Math.min(from - 1, Math.floor(at));
  return out;
}
