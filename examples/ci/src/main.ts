import model from 'ocr-models/ch_ppocr_mobile_v2.0_cls_infer.onnx?quantize';
import { Tensor } from 'onnxruntime-common';
import { createSession } from 'unplugin-quantize/runtime';
import { HEIGHT, lineInput, WIDTH } from './line-input';

const answer = document.querySelector<HTMLElement>('#answer')!;
const session = createSession(model);

document.querySelector<HTMLInputElement>('#file')!.addEventListener('change', async ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? [];
  if (file === undefined) return;
  try {
    answer.textContent = describe(await askModel(await readPixels(file)));
  } catch (error) {
    answer.textContent = error instanceof Error ? error.message : String(error);
  }
});

/** The share of "upside down". */
async function askModel(pixels: Uint8ClampedArray): Promise<number> {
  const feeds = { x: new Tensor('float32', lineInput(pixels), [1, 3, HEIGHT, WIDTH]) };
  const [output] = Object.values(await (await session).run(feeds));
  return (output!.data as Float32Array)[1]!;
}

function describe(turned: number): string {
  return turned > 0.5 ? `Upside down (${(turned * 100).toFixed(1)} %)` : `Upright (${((1 - turned) * 100).toFixed(1)} %)`;
}

/** The image at the height that the model wants, at the left of an empty line. */
async function readPixels(file: File): Promise<Uint8ClampedArray> {
  const image = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d')!;
  const scale = Math.min(HEIGHT / image.height, WIDTH / image.width);
  context.drawImage(image, 0, 0, image.width * scale, image.height * scale);
  return context.getImageData(0, 0, WIDTH, HEIGHT).data;
}
