import type { Browser } from 'playwright-core';
import type { Box } from '../../examples/vite-ocr/src/ocr/image.ts';

export const WIDTH = 900;
export const HEIGHT = 420;

/** Lines of words, drawn far enough apart that each is found on its own. */
export const WORDS = [
  ['Lantern', 'orchard', '1984'],
  ['quiet', 'Bridge', 'velvet'],
  ['MARBLE', 'window', 'Zephyr'],
  ['copper', '37.50', 'juniper'],
];

/** One font a line, each of a family that every system has. */
const FONTS = ['34px sans-serif', 'bold 40px sans-serif', '38px serif', '30px sans-serif'];

/** Draws WORDS on a canvas of a real browser; the boxes are those of the ink, in reading order. */
export async function drawWords(browser: Browser): Promise<{ png: Buffer; boxes: Box[] }> {
  const page = await browser.newPage();
  const { url, boxes } = await page.evaluate(draw, { lines: WORDS, fonts: FONTS, width: WIDTH, height: HEIGHT });
  await page.close();
  return { png: Buffer.from(url.replace(/^.*,/, ''), 'base64'), boxes };
}

/** Runs in the page, so that it may use nothing from outside itself. */
function draw({ lines, fonts, width, height }: { lines: string[][]; fonts: string[]; width: number; height: number }): { url: string; boxes: Box[] } {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('no canvas');
  context.fillStyle = '#f7f4ec';
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#20262e';
  const boxes: Box[] = [];
  for (const [row, words] of lines.entries()) {
    context.font = fonts[row] ?? '32px sans-serif';
    for (const [column, word] of words.entries()) {
      const x = 50 + column * 290;
      const y = 80 + row * 95;
      context.fillText(word, x, y);
      const ink = context.measureText(word);
      boxes.push({
        left: x - ink.actualBoundingBoxLeft,
        top: y - ink.actualBoundingBoxAscent,
        right: x + ink.actualBoundingBoxRight,
        bottom: y + ink.actualBoundingBoxDescent,
      });
    }
  }
  return { url: canvas.toDataURL('image/png'), boxes };
}
