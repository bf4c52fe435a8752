import { PNG } from 'pngjs';
import type { RgbaImage } from './ocr/image.ts';

/**
 * The pixels of a PNG file on a white page, as the browser's side of this example draws them.
 * @throws Error when the bytes are not a PNG file.
 */
export function readPng(bytes: Buffer): RgbaImage {
  const { data, width, height } = PNG.sync.read(bytes);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = (data[i + 3] as number) / 255;
    for (let channel = i; channel < i + 3; channel++) {
      data[channel] = Math.round((data[channel] as number) * alpha + 255 * (1 - alpha));
    }
    data[i + 3] = 255;
  }
  return { data, width, height };
}
