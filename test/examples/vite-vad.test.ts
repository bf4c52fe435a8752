import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, WEBGPU_ARGS } from '../support/chromium.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/vite-vad', import.meta.url));
const OUT = join(EXAMPLE, 'node_modules/.cache/test');
/** A sub-path, because the example is built with a relative base. */
const BASE = '/deep/page/';

/** What scripts/make-sample.mjs has the voice say, in seconds. */
const UTTERANCES = [
  { from: 1, to: 2.5 },
  { from: 3.5, to: 5.5 },
];
/** Silero takes a few windows of 32 ms to make up its mind. */
const REACTION = 0.25;

describe.skipIf(chromiumPath === null)('examples/vite-vad', () => {
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    await build({ root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), mode: 'production', logLevel: 'warn', build: { outDir: OUT, emptyOutDir: true } });
    server = await serveFolder(OUT, { base: BASE });
    browser = await launchChromium([...WEBGPU_ARGS, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(OUT, { recursive: true, force: true });
  });

  it('finds the utterances of its sample, though WebGPU is there and computes wrongly', async () => {
    const page = await browser.newPage();
    const told: string[] = [];
    page.on('console', (message) => told.push(message.text()));
    await page.goto(server.origin + BASE);
    await page.waitForSelector('html[data-state=ready], html[data-state=failed]', { timeout: 100_000 });
    expect(await page.locator('#error').innerText()).toBe('');
    const texts = await page.locator('#segments li').allInnerTexts();
    const segments = texts.map((text) => /^([\d.]+) s to ([\d.]+) s$/.exec(text)?.slice(1).map(Number) ?? []);
    expect(segments).toHaveLength(UTTERANCES.length);
    for (const [i, { from, to }] of UTTERANCES.entries()) {
      const [begin, end] = segments[i]!;
      expect(Math.abs(begin! - from)).toBeLessThanOrEqual(REACTION);
      expect(Math.abs(end! - to)).toBeLessThanOrEqual(REACTION);
    }
    expect(await page.locator('#backend').innerText()).toBe('wasm');
    expect(told).toContainEqual(expect.stringMatching(/^webgpu is not used: .*computes wrongly/));
    expect(server.requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);

    // The fake microphone beeps; that windows of it are heard is what counts.
    await page.evaluate(() => {
      document.getElementById('status')!.textContent = '';
    });
    await page.click('#microphone');
    await expect.poll(() => page.locator('#status').innerText(), { timeout: 20_000 }).toMatch(/speaks/);
    await page.click('#microphone');
    expect(await page.locator('#error').innerText()).toBe('');
    await page.close();
  });
});
