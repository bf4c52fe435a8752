// Samples for --calibration: the same images, prepared as python/datasets.py prepares them, one of each class after the other.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE, ROOT } from '../../scripts/setup.mjs';

const sharp = createRequire(join(PACKAGE, 'package.json'))('sharp');

const folder = join(ROOT, '../shared/data/cifar10/calib');
const MEAN = [0.4914, 0.4822, 0.4465];
const DEVIATION = [0.247, 0.2435, 0.2616];
const PIXELS = 32 * 32;

export default async function* () {
  const classes = readdirSync(folder).sort().map((name) => readdirSync(join(folder, name)).sort().map((file) => join(folder, name, file)));
  const most = Math.max(...classes.map((files) => files.length));
  for (let turn = 0; turn < most; turn++) {
    for (const files of classes) if (turn < files.length) yield { image: await read(files[turn]) };
  }
}

async function read(file) {
  const bytes = await sharp(file).removeAlpha().raw().toBuffer();
  const data = new Float32Array(3 * PIXELS);
  for (let p = 0; p < PIXELS; p++) for (let c = 0; c < 3; c++) data[c * PIXELS + p] = (bytes[p * 3 + c] / 255 - MEAN[c]) / DEVIATION[c];
  return { data, dims: [1, 3, 32, 32] };
}
