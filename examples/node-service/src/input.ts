import { Tensor } from 'onnxruntime-common';
import { PNG } from 'pngjs';

/** What the model was trained on: lines of text, 48 pixels tall and up to 192 wide. */
const HEIGHT = 48;
const WIDTH = 192;

/** The bytes are no PNG file. */
export class NotAPicture extends Error {}

/**
 * A PNG of one line of text as the model's input [1, 3, 48, 192]: its proportions kept, -1 to 1, blue first, padded with zeros on the right.
 *
 * @throws NotAPicture
 */
export function lineInput(bytes: Buffer): Tensor {
  const { data, width, height } = readPng(bytes);
  const taken = Math.min(WIDTH, Math.max(1, Math.ceil((HEIGHT * width) / height)));
  const input = new Float32Array(3 * HEIGHT * WIDTH);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < taken; x++) {
      const [left, top] = [((x + 0.5) * width) / taken - 0.5, ((y + 0.5) * height) / HEIGHT - 0.5];
      for (let channel = 0; channel < 3; channel++) {
        input[(channel * HEIGHT + y) * WIDTH + x] = blend(data, width, height, left, top, 2 - channel) / 127.5 - 1;
      }
    }
  }
  return new Tensor('float32', input, [1, 3, HEIGHT, WIDTH]);
}

function readPng(bytes: Buffer): PNG {
  try {
    return PNG.sync.read(bytes);
  } catch (cause) {
    throw new NotAPicture(`Not a PNG file: ${String(cause)}`, { cause });
  }
}

/** A channel between pixels, by bilinear interpolation; the border goes on outside. */
function blend(data: Buffer, width: number, height: number, x: number, y: number, channel: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [right, below] = [x - x0, y - y0];
  const at = (column: number, row: number): number => data[4 * (clamp(row, height) * width + clamp(column, width)) + channel]!;
  const upper = at(x0, y0) * (1 - right) + at(x0 + 1, y0) * right;
  const lower = at(x0, y0 + 1) * (1 - right) + at(x0 + 1, y0 + 1) * right;
  return upper * (1 - below) + lower * below;
}

function clamp(index: number, size: number): number {
  return Math.min(size - 1, Math.max(0, index));
}
