import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Box } from '../../examples/vite-ocr/src/ocr/image.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder } from '../support/static-server.ts';
import type { RunningServer } from '../support/static-server.ts';
import { WORDS, drawWords } from './draw-words.ts';
import { readInBrowser, readInNode } from './read-example.ts';
import type { Reading } from './read-example.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/vite-ocr', import.meta.url));
/** Inside the example, so that the Node build finds the example's dependencies. */
const OUT = join(EXAMPLE, 'node_modules/.cache/test');
const WEB = join(OUT, 'web');
const NODE = join(OUT, 'node');
const PNG = join(OUT, 'words.png');
/** A sub-path, because the example is built with a relative base. */
const BASE = '/deep/page/';
const SLOW = 180_000;

describe.skipIf(chromiumPath === null)('examples/vite-ocr', () => {
  let browser: Browser;
  let server: RunningServer;
  let boxes: Box[];
  const readings = new Map<string, Reading>();

  beforeAll(async () => {
    rmSync(OUT, { recursive: true, force: true });
    mkdirSync(OUT, { recursive: true });
    const config = { root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), mode: 'production', logLevel: 'warn' as const };
    await build({ ...config, build: { outDir: WEB, emptyOutDir: true } });
    await build({ ...config, build: { outDir: NODE, emptyOutDir: true, ssr: 'src/node.ts' } });
    browser = await launchChromium();
    server = await serveFolder(WEB, { base: BASE });
    const drawn = await drawWords(browser);
    boxes = drawn.boxes;
    writeFileSync(PNG, drawn.png);
    for (const precision of ['quantized', 'fp32'] as const) {
      readings.set(`browser ${precision}`, await readInBrowser(browser, server, BASE, precision, drawn.png, SLOW));
      readings.set(`node ${precision}`, await readInNode(join(NODE, 'node.js'), precision, PNG));
    }
  }, 2 * SLOW);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test.each(['browser fp32', 'browser quantized', 'node fp32', 'node quantized'])('%s reads the words that were drawn', (name) => {
    expect(reading(name).words).toEqual(WORDS.flat());
  });

  test.each(['browser', 'node'])('%s: quantized and fp32 find each word where it was drawn', (host) => {
    const [quantized, fp32] = [reading(`${host} quantized`), reading(`${host} fp32`)];
    expect(quantized.words).toEqual(fp32.words);
    // The detector's boxes leave a margin of 4 to 6 pixels around the ink: up to half of the area of a small word.
    const misplaced = (found: Box[]): string[] => WORDS.flat().filter((_, i) => overlap(found[i], boxes[i]) < 0.4);
    expect(misplaced(fp32.boxes)).toEqual([]);
    expect(misplaced(quantized.boxes)).toEqual([]);
  });

  test('each host runs its own engine', () => {
    expect(reading('browser quantized').backend).toBe('wasm');
    expect(reading('node quantized').backend).toBe('cpu');
  });

  test('the page fetches the quantized models only, at most 4.25 MB for both', () => {
    const { fetched } = reading('browser quantized');
    expect(fetched).toHaveLength(2);
    // 1.35 MB for the detector and 2.9 MB for the recogniser.
    expect(bytesOf(fetched)).toBeLessThanOrEqual(4_250_000);
    expect(bytesOf(reading('browser fp32').fetched)).toBe(4_745_517 + 10_822_323);
  });

  test('the page and the Node build hold the same model files', () => {
    expect(modelsIn(NODE)).toEqual(modelsIn(WEB));
    expect(modelsIn(WEB)).toHaveLength(4);
  });

  test('the page says so when the models are missing', async () => {
    const broken = await serveFolder(WEB, { handle: (request, response) => (request.url?.includes('.onnx') ? refuse(response) : false) });
    const page = await browser.newPage();
    await page.goto(`${broken.origin}/`);
    await page.waitForSelector('html[data-state=failed]', { timeout: SLOW });
    expect(await page.locator('#error').innerText()).toMatch(/404/);
    await page.close();
    await broken.close();
  }, SLOW);

  function reading(name: string): Reading {
    const found = readings.get(name);
    if (found === undefined) throw new Error(`No reading "${name}".`);
    return found;
  }
});

function refuse(response: { writeHead(status: number): { end(): unknown } }): true {
  response.writeHead(404).end();
  return true;
}

/** Area of the intersection divided by the area of the union. */
function overlap(a: Box | undefined, b: Box | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (area(a) + area(b) - shared);
}

function area(box: Box): number {
  return (box.right - box.left) * (box.bottom - box.top);
}

function bytesOf(paths: readonly string[]): number {
  return paths.reduce((bytes, path) => bytes + statSync(join(WEB, path)).size, 0);
}

function modelsIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.onnx')).map((file) => file.replace(/^.*[\\/]/, '')).sort();
}
