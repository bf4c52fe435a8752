import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { sharedFolder } from './models.ts';

/** Pictures of 32 x 32 with the number of their class, as the CIFAR-10 models of the shared folder want them. */
export interface Pictures {
  /** float32 [count, 3, 32, 32] */
  pixels: Float32Array;
  labels: number[];
}

const MEAN = [0.4914, 0.4822, 0.4465];
const DEVIATION = [0.2470, 0.2435, 0.2616];
const PIXELS = 32 * 32;

/** @param limit pictures of each class */
export async function cifar(part: 'calib' | 'test', limit = Infinity): Promise<Pictures> {
  const folder = join(sharedFolder, 'data/cifar10', part);
  const files = readdirSync(folder).sort().flatMap((name, label) => readdirSync(join(folder, name)).sort().slice(0, limit).map((file) => ({ file: join(folder, name, file), label })));
  const pixels = new Float32Array(files.length * 3 * PIXELS);
  await Promise.all(files.map(async ({ file }, i) => {
    const bytes = await sharp(file).removeAlpha().raw().toBuffer();
    for (let p = 0; p < PIXELS; p++) for (let c = 0; c < 3; c++) pixels[(i * 3 + c) * PIXELS + p] = (bytes[p * 3 + c]! / 255 - MEAN[c]!) / DEVIATION[c]!;
  }));
  return { pixels, labels: files.map(({ label }) => label) };
}

export function pictureFeeds({ pixels, labels }: Pictures, batch: number): { image: ort.Tensor }[] {
  const size = 3 * PIXELS;
  return Array.from({ length: Math.ceil(labels.length / batch) }, (_, i) => {
    const part = pixels.subarray(i * batch * size, (i + 1) * batch * size);
    return { image: new ort.Tensor('float32', part, [part.length / size, 3, 32, 32]) };
  });
}

/** The share of pictures whose class has the largest output, in per cent. */
export async function top1(model: Uint8Array, pictures: Pictures): Promise<number> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  let right = 0;
  let at = 0;
  for (const feeds of pictureFeeds(pictures, 100)) {
    const { data, dims } = (await session.run(feeds))[session.outputNames[0]!]!;
    const logits = data as Float32Array;
    const classes = dims[1]!;
    for (let row = 0; row < dims[0]!; row++, at++) {
      const own = logits.subarray(row * classes, (row + 1) * classes);
      if (own.indexOf(Math.max(...own)) === pictures.labels[at]) right++;
    }
  }
  await session.release();
  return (100 * right) / pictures.labels.length;
}
