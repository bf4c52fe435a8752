import { QuantizeError } from '../../errors.ts';
import { roundHalfEven } from '../round.ts';
import { resample, type ResampleFilter } from './resample.ts';
import type { Pixels } from './pixels.ts';

export type Fit = 'crop' | 'letterbox' | 'stretch';

/** Height and width of the input; null where the model leaves them free. */
export type Target = readonly [height: number | null, width: number | null];

export interface FitOptions {
  target: Target;
  fit: Fit;
  /** Length of the shorter side before cropping. */
  resize: number | undefined;
  filter: ResampleFilter;
  /** Value of added pixels for each channel. */
  pad: readonly number[];
}

/**
 * Brings an image to the input's size. `crop` resizes so that the input is covered (the other side is rounded down) and takes the middle, as torchvision's Resize
 * and CenterCrop; `letterbox` resizes so that all is seen and pads to the middle, the smaller part at the top and left; a free side keeps the
 * proportions; without any given side and without `resize` the image stays as it is.
 *
 * @throws QuantizeError OPTION_INVALID when `resize` is less than what is cropped
 */
export function fitImage(image: Pixels, { target, fit, resize, filter, pad }: FitOptions): Pixels {
  const [height, width] = sidesFor(image, target);
  if (height === null || width === null) return resized(image, coverSize(image, [resize ?? 0, resize ?? 0], resize), filter);
  if (fit === 'stretch') return resized(image, [height, width], filter);
  if (fit === 'letterbox') {
    const ratio = Math.min(height / image.height, width / image.width);
    const inner = resized(image, [inside(image.height * ratio, height), inside(image.width * ratio, width)], filter);
    return place(inner, height, width, (height - inner.height) >> 1, (width - inner.width) >> 1, pad);
  }
  const [coveredHeight, coveredWidth] = coverSize(image, [height, width], resize);
  if (coveredHeight < height || coveredWidth < width) {
    throw new QuantizeError('OPTION_INVALID', `Images are resized to ${coveredWidth} x ${coveredHeight}, which is less than the ${width} x ${height} that the input takes.`, {
      option: 'calibration.resize',
      hint: "Resize to more, or use fit: 'letterbox'.",
    });
  }
  const covered = resized(image, [coveredHeight, coveredWidth], filter);
  return place(covered, height, width, -roundHalfEven((coveredHeight - height) / 2), -roundHalfEven((coveredWidth - width) / 2), pad);
}

/** One free side follows from the other. */
function sidesFor(image: Pixels, [height, width]: Target): Target {
  if (height !== null && width === null) return [height, Math.max(1, Math.floor((height * image.width) / image.height))];
  if (height === null && width !== null) return [Math.max(1, Math.floor((width * image.height) / image.width)), width];
  return [height, width];
}

function coverSize(image: Pixels, [height, width]: readonly [number, number], resize: number | undefined): [number, number] {
  const isWide = image.width >= image.height;
  if (resize !== undefined) return isWide ? [resize, scaled(resize, image.width, image.height)] : [scaled(resize, image.height, image.width), resize];
  if (height === 0) return [image.height, image.width];
  return height * image.width >= width * image.height ? [height, scaled(height, image.width, image.height)] : [scaled(width, image.height, image.width), width];
}

function scaled(side: number, long: number, short: number): number {
  return Math.floor((side * long) / short);
}

function inside(length: number, limit: number): number {
  return Math.min(limit, Math.max(1, roundHalfEven(length)));
}

function resized(image: Pixels, [height, width]: readonly [number, number], filter: ResampleFilter): Pixels {
  return height === image.height && width === image.width ? image : resample(image, width, height, filter);
}

/** A picture of the given size with the image's corner at `top`, `left`; what is outside is cut off, what is empty gets `pad`. */
function place(image: Pixels, height: number, width: number, top: number, left: number, pad: readonly number[]): Pixels {
  if (top === 0 && left === 0 && height === image.height && width === image.width) return image;
  const { channels } = image;
  const out = new Uint8Array(height * width * channels);
  if (pad.some((value) => value !== 0)) for (let i = 0; i < out.length; i++) out[i] = pad[i % channels]!;
  const from = Math.max(0, -left) * channels;
  const to = Math.min(image.width, width - left) * channels;
  for (let y = Math.max(0, top); y < Math.min(height, top + image.height); y++) {
    const row = (y - top) * image.width * channels;
    out.set(image.data.subarray(row + from, row + to), (y * width + Math.max(0, left)) * channels);
  }
  return { width, height, channels, data: out };
}
