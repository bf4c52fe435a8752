import type { RgbaImage } from './image.ts';
import { toPlanes } from './planes.ts';
import type { FloatTensor, Normalisation } from './planes.ts';
import { resize } from './resize.ts';

const HEIGHT = 48;
/** Lines narrower than the training width are padded to it. */
const SHORTEST_WIDTH = 320;
const MINUS_ONE_TO_ONE: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** The picture of one line of text to the recogniser's input [1, 3, 48, W], its proportions kept. */
export function recognitionInput(line: RgbaImage): FloatTensor {
  const width = Math.max(1, Math.ceil((HEIGHT * line.width) / line.height));
  return toPlanes(resize(line, width, HEIGHT), MINUS_ONE_TO_ONE, Math.max(width, SHORTEST_WIDTH));
}
