import type { RgbaImage } from './image.ts';
import { toPlanes } from './planes.ts';
import type { FloatTensor, Normalisation } from './planes.ts';
import { resize } from './resize.ts';

/** Longest side that the detector sees; larger images are made smaller. */
const LONGEST_SIDE = 960;
/** The network halves its input five times, so that sides are multiples of 32. */
const STRIDE = 32;
const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Width and height at which an image goes through the detector. */
export function detectionSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const side = (length: number): number => Math.max(STRIDE, Math.round((length * scale) / STRIDE) * STRIDE);
  return { width: side(width), height: side(height) };
}

/** An image to the detector's input [1, 3, H, W]. */
export function detectionInput(image: RgbaImage): FloatTensor {
  const { width, height } = detectionSize(image.width, image.height);
  return toPlanes(resize(image, width, height), IMAGENET);
}
