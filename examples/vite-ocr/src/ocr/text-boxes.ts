import { components } from './components.ts';
import { clampBox } from './image.ts';
import type { Box } from './image.ts';
import type { FloatTensor } from './planes.ts';

/** Values of PaddleOCR's configuration for PP-OCRv4 (`DBPostProcess`). */
const PIXEL_THRESHOLD = 0.3;
const BOX_THRESHOLD = 0.6;
const UNCLIP_RATIO = 1.5;
/** Shortest side, in pixels of the map, of a box before it is grown; PaddleOCR asks for 2 more afterwards. */
const SHORTEST_SIDE = 3;

/**
 * The detector's probability map [1, 1, H, W] to boxes of text in pixels of an image `width` x `height`
 * (post-processing of "Differentiable Binarization", Liao et al. 2020). Boxes are axis-aligned:
 * PaddleOCR turns them with the text, this example leaves turned text out.
 */
export function textBoxes(map: FloatTensor, width: number, height: number): Box[] {
  const [mapHeight = 0, mapWidth = 0] = map.dims.slice(-2);
  const scaleX = width / mapWidth;
  const scaleY = height / mapHeight;
  return components(map.data, mapWidth, mapHeight, PIXEL_THRESHOLD)
    .filter((box) => shortestSide(box) >= SHORTEST_SIDE && meanInside(map.data, mapWidth, box) >= BOX_THRESHOLD)
    .map(unclip)
    .filter((box) => shortestSide(box) >= SHORTEST_SIDE + 2)
    .map(({ left, top, right, bottom }) =>
      clampBox({ left: left * scaleX, top: top * scaleY, right: right * scaleX, bottom: bottom * scaleY }, width, height),
    );
}

/**
 * The network is trained on text areas that are shrunk; this grows them back on every side
 * by area x ratio / perimeter, the offset of the paper.
 */
export function unclip(box: Box): Box {
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const offset = (width * height * UNCLIP_RATIO) / (2 * (width + height));
  return { left: box.left - offset, top: box.top - offset, right: box.right + offset, bottom: box.bottom + offset };
}

function meanInside(map: Float32Array, width: number, box: Box): number {
  let sum = 0;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) sum += map[y * width + x] as number;
  }
  return sum / ((box.right - box.left) * (box.bottom - box.top));
}

function shortestSide(box: Box): number {
  return Math.min(box.right - box.left, box.bottom - box.top);
}
