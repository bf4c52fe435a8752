import { readFileSync } from 'node:fs';
import type { RgbaImage } from '../src/ocr/image.ts';
import { readPng } from '../src/png.ts';

/** The pixels of the sample image. */
export function sample(): RgbaImage {
  return readPng(readFileSync(new URL('../src/assets/sample.png', import.meta.url)));
}
