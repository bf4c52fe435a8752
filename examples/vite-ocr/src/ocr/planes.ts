import type { RgbaImage } from './image.ts';

/** A float32 tensor, row-major. */
export interface FloatTensor {
  data: Float32Array;
  dims: number[];
}

/** Mean and standard deviation of the planes in the order in which the model gets them. */
export interface Normalisation {
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/**
 * RGBA pixels to a tensor [1, 3, height, paddedWidth] of `(value / 255 - mean) / std`, planes in the order
 * blue, green, red: PaddleOCR reads images with OpenCV and never swaps its channels, in training as well.
 * Columns past the image are zero.
 */
export function toPlanes(image: RgbaImage, { mean, std }: Normalisation, paddedWidth = image.width): FloatTensor {
  const { width, height } = image;
  const data = new Float32Array(3 * height * paddedWidth);
  for (let plane = 0; plane < 3; plane++) {
    const channel = 2 - plane;
    const scale = 1 / (255 * (std[plane] as number));
    const shift = (mean[plane] as number) / (std[plane] as number);
    for (let y = 0; y < height; y++) {
      const row = (plane * height + y) * paddedWidth;
      for (let x = 0; x < width; x++) {
        data[row + x] = (image.data[(y * width + x) * 4 + channel] as number) * scale - shift;
      }
    }
  }
  return { data, dims: [1, 3, height, paddedWidth] };
}
