import type { RgbaImage } from '../ocr/image.ts';

/** The detector sees 960 pixels and lines need no more than this, so that a phone's photograph does not fill the memory. */
const LONGEST_SIDE = 2048;

/**
 * Draws an image file on the canvas, turned as its EXIF data says, and returns the pixels drawn.
 * @throws Error when the browser cannot decode the file.
 */
export async function drawPicture(canvas: HTMLCanvasElement, file: Blob): Promise<RgbaImage> {
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new Error('This file is not an image that the browser can read.', { cause });
  });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('The browser gives no 2D canvas.');
  // Transparent pixels are black in RGBA; text on them is most often meant for a white page.
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
