import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { distFolder, hasDist, runNode } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { exampleFolder, filesByName, runAppScript, startApp, type RunningApp } from './framework-app.ts';

/** An example whose page draws a line of text and shows what the model says of it, in the browser and on the server. */
export interface FrameworkExample {
  /** Folder below examples/. */
  name: string;
  /** Folders of a build with what browsers and what the server gets. */
  client: string;
  server: string;
  /** Scripts of package.json, and how the dev server is told its port. */
  build?: string;
  dev?: { script: string; args(port: number): readonly string[] };
}

/** What the page shows of one place. */
interface Shown {
  upsideDown: number;
  sha256: string;
  backend: string;
}

interface Seen {
  browser: Shown;
  server: Shown;
  /** RGBA of the line. */
  pixels: Uint8Array;
  isTurned: boolean;
}

const [WIDTH, HEIGHT] = [192, 48];
/** WebAssembly and native kernels add in different orders; the answer is a probability after some dozens of layers in float32. */
const DIGITS = 3;
/** Milliseconds that a machine with other work to do may take for a build, or for a first visit of a dev server. */
const PATIENCE = 300_000;

/** Defines the tests of an example: built, served, opened in Chromium, compared with the command line's file; then the same in its dev server. */
export function testFramework({ name, client, server, build = 'build', dev }: FrameworkExample): void {
  const root = exampleFolder(name);
  const isReady = hasDist && chromiumPath !== null && existsSync(join(root, 'node_modules'));

  describe.skipIf(!isReady)(`examples/${name}${build === 'build' ? '' : ` (${build})`}`, { timeout: PATIENCE }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'framework-'));
    const artefact = join(folder, 'direction.onnx');
    let browser: Browser;

    beforeAll(async () => {
      // All of the output, in which a framework may have a cache too.
      rmSync(join(root, client.split('/')[0]!), { recursive: true, force: true });
      const { code, stderr } = await runNode([join(distFolder, 'cli/main.js'), 'quantize', models.ocrDirection, '-o', artefact, '--no-verify', '--no-compare']);
      if (code !== 0) throw new Error(stderr);
      browser = await launchChromium();
    });
    afterAll(async () => {
      await browser?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('builds one file of the model, the same for browsers and the server, which is the command line’s', async () => {
      const log = await runAppScript(root, build);
      expect(log).toContain('ch_ppocr_mobile_v2.0_cls_infer.onnx');
      expect(log).not.toMatch(/tracing of the whole project/);
      const published = filesByName(join(root, client), '.onnx');
      expect([...published.values()].map(hashOf)).toEqual([hashOf(artefact)]);
      const kept = filesByName(join(root, server), '.onnx');
      expect(kept.size).toBeLessThanOrEqual(1);
      // Frameworks put a dot or a hyphen before the hash of a name.
      const plain = (name: string): string => name.replace(/\.(?=[\w-]{8}\.onnx$)/, '-');
      for (const [file, path] of kept) expect([plain(file), hashOf(path)]).toEqual([plain([...published.keys()][0]!), hashOf(artefact)]);
      expect(filesByName(join(root, server), '.wasm').size).toBe(0);
    });

    it('answers in Chromium and on the server as the command line’s file and as the original do', async () => {
      for (const line of await visit(() => startApp(root, 'start'))) expect(line).toMatchObject(await rightAnswer(artefact, line));
    });

    it.skipIf(dev === undefined)('answers in the dev server too', async () => {
      for (const line of await visit(() => startApp(root, dev!.script, dev!.args))) expect(line).toMatchObject(await rightAnswer(artefact, line));
    });

    /** What a page of the app shows of its line, and of the same line on its head. */
    async function visit(start: () => Promise<RunningApp>): Promise<Seen[]> {
      const app = await start();
      const page = await browser.newPage();
      const told: string[] = [];
      page.setDefaultTimeout(PATIENCE / 3);
      page.on('console', (message) => told.push(message.text()));
      page.on('pageerror', ({ message }) => told.push(message));
      try {
        await page.goto(app.origin);
        const upright = await seen(page, false);
        await page.getByLabel('on its head').check();
        return [upright, await seen(page, true)];
      } catch (error) {
        throw new Error(`${String(error)}\nThe page: ${told.join('\n')}\nThe server: ${app.log()}`, { cause: error });
      } finally {
        await page.close();
        await app.close();
      }
    }
  });
}

/** What has to be seen of a line: in both places the command line's file, which decides as the original does. */
async function rightAnswer(artefact: string, { pixels, isTurned }: Seen): Promise<object> {
  const [expected, original] = await Promise.all([artefact, models.ocrDirection].map((path) => ask(path, pixels)));
  if (expected! > 0.5 !== isTurned || original! > 0.5 !== isTurned) throw new Error(`The model takes the line for another one: ${expected}, ${original}.`);
  const shown = { sha256: hashOf(artefact), upsideDown: expect.closeTo(expected!, DIGITS) as number };
  return { browser: { ...shown, backend: 'wasm' }, server: { ...shown, backend: 'cpu' } };
}

/** What the page shows when both answers are there, which a dev server's first visit reloads it for. */
async function seen(page: Page, isTurned: boolean): Promise<Seen> {
  await page.waitForSelector('#browser output');
  await page.waitForSelector('#server output');
  const read = (place: string): Promise<Shown> =>
    page.locator(`#${place}`).evaluate((element: HTMLElement) => ({
      upsideDown: Number(element.querySelector('output')!.textContent),
      sha256: element.dataset['sha256'] ?? '',
      backend: element.dataset['backend'] ?? '',
    }));
  const pixels = await page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => [...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data]);
  return { browser: await read('browser'), server: await read('server'), pixels: Uint8Array.from(pixels), isTurned };
}

/** What onnxruntime-node makes of a file for a line. */
async function ask(path: string, pixels: Uint8Array): Promise<number> {
  const session = await InferenceSession.create(path);
  const size = WIDTH * HEIGHT;
  const planes = Float32Array.from({ length: 3 * size }, (_, i) => pixels[4 * (i % size) + 2 - Math.floor(i / size)]! / 127.5 - 1);
  const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', planes, [1, 3, HEIGHT, WIDTH]) });
  const [, upsideDown] = results[session.outputNames[0]!]!.data as Float32Array;
  await session.release();
  return upsideDown!;
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
