import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import type { Box } from '../../examples/vite-ocr/src/ocr/image.ts';
import type { TextPiece } from '../../examples/vite-ocr/src/ocr/recognise.ts';
import type { RunningServer } from '../support/static-server.ts';
import { HEIGHT, WIDTH } from './draw-words.ts';

/** What the page or the Node build says of one image. */
export interface Reading {
  backend: string;
  /** Words in reading order. */
  words: string[];
  boxes: Box[];
  /** Paths of the model files that the page fetched, from its folder. */
  fetched: string[];
}

export type Precision = 'quantized' | 'fp32';

/** Opens the built page, gives it an image of WIDTH x HEIGHT and waits for its words; `timeout` in milliseconds. */
export async function readInBrowser(browser: Browser, server: RunningServer, base: string, precision: Precision, png: Buffer, timeout: number): Promise<Reading> {
  const page = await browser.newPage();
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  const before = server.requests.length;
  await page.goto(`${server.origin}${base}${precision === 'fp32' ? '?fp32' : ''}`);
  await page.waitForSelector('html[data-state=ready]', { timeout });
  await page.setInputFiles('#file', { name: 'words.png', mimeType: 'image/png', buffer: png });
  // The sample, which the page reads first, has other dimensions.
  await page.waitForSelector(`html[data-state=ready] #boxes[viewBox="0 0 ${WIDTH} ${HEIGHT}"]`, { state: 'attached', timeout });
  const words = await page.locator('#lines li span').allInnerTexts();
  const boxes = await page.locator('#boxes rect').evaluateAll((rects) =>
    rects.map((rect) => {
      const [left = 0, top = 0, width = 0, height = 0] = ['x', 'y', 'width', 'height'].map((name) => Number(rect.getAttribute(name)));
      return { left, top, right: left + width, bottom: top + height };
    }),
  );
  const backend = await page.locator('#backend').innerText();
  await page.close();
  if (failures.length > 0) throw new Error(`The page threw: ${failures.join(', ')}`);
  const fetched = server.requests.slice(before).filter((path) => path.endsWith('.onnx'));
  return { backend, words, boxes, fetched: fetched.map((path) => path.slice(base.length)) };
}

/** Runs the Node build on a PNG file. */
export async function readInNode(script: string, precision: Precision, image: string): Promise<Reading> {
  const flags = precision === 'fp32' ? ['--fp32'] : [];
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json', ...flags, image]);
  const output = JSON.parse(stdout) as { backend: string; pieces: TextPiece[] };
  const words = output.pieces.map((piece) => piece.text);
  return { backend: output.backend, words, boxes: output.pieces.map((piece) => piece.box), fetched: [] };
}
