// Samples for --calibration of models that read text in pictures: pieces of the example's picture, of the height in the environment variable HEIGHT.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE, ROOT } from '../../scripts/setup.mjs';

const sharp = createRequire(join(PACKAGE, 'package.json'))('sharp');
const picture = join(ROOT, 'examples/vite-ocr/src/assets/sample.png');
const height = Number(process.env.HEIGHT);
/** Brightness, contrast and turns make of one picture what several would be. */
const LOOKS = [[1, 0], [0.7, 0], [1, 1], [1.2, -1], [0.5, 2], [0.9, -2], [1, 3], [0.8, 1]];

export default async function* () {
  const width = height * 4;
  for (const [brightness, angle] of LOOKS) {
    const pixels = await sharp(picture).removeAlpha().rotate(angle, { background: '#fff' }).modulate({ brightness }).resize(width, height, { fit: 'fill' }).raw().toBuffer();
    const data = Float32Array.from({ length: pixels.length }, (_, i) => (pixels[(i % (width * height)) * 3 + Math.floor(i / (width * height))] / 255 - 0.5) / 0.5);
    yield { x: { data, dims: [1, 3, height, width] } };
  }
}
