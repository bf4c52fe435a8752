import { detectionInput } from '../src/ocr/detection-input.ts';
import { sample } from './sample.ts';

/** What the build measures the quantized detector on. More and more varied images make the figures more telling. */
export default function* samples() {
  yield { x: detectionInput(sample()) };
}
