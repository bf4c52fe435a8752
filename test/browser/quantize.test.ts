import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CoreOptions, CoreReport } from '../../packages/unplugin-quantize/src/core.shared.ts';
import { quantizeModel } from '../../packages/unplugin-quantize/src/core.ts';
import { FORMATS, SAMPLED_FORMATS } from '../../packages/unplugin-quantize/src/options.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';

interface Made {
  report: CoreReport;
  /** SHA-256 of the bytes, computed by the page itself. */
  sha256: string;
}

declare global {
  interface Window {
    /** Fetches a model and its external data and quantizes them in the page; the message where that is refused. */
    quantizeInPage(url: string, options: CoreOptions, externals: Record<string, string>): Promise<Made | { error: string; code: string }>;
  }
}

const PAGE = `
import { quantizeModel, QuantizeError } from 'unplugin-quantize/core';

const bytesOf = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
const hex = (digest) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');

window.quantizeInPage = async (url, options, externals) => {
  const files = Object.fromEntries(await Promise.all(Object.entries(externals).map(async ([location, from]) => [location, await bytesOf(from)])));
  const source = await (await fetch(url)).blob();
  try {
    const { bytes, report } = await quantizeModel(source, { ...options, ...(Object.keys(files).length > 0 && { files }) });
    return { report, sha256: hex(await crypto.subtle.digest('SHA-256', bytes)) };
  } catch (error) {
    if (!(error instanceof QuantizeError)) throw error;
    return { error: error.message, code: error.code };
  }
};
`;

const formats = (Object.keys(FORMATS) as Format[]).filter((format) => !SAMPLED_FORMATS.includes(format));

describe.skipIf(chromiumPath === null)('quantizing in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantize-page-'));
  const served = join(folder, 'served');
  let browser: Browser;
  let server: RunningServer;
  let page: Page;

  beforeAll(async () => {
    mkdirSync(join(folder, 'source'));
    writeFileSync(join(folder, 'source/index.html'), '<!doctype html><meta charset="utf-8"><title>Quantize</title><script type="module" src="./main.js"></script>');
    writeFileSync(join(folder, 'source/main.js'), PAGE);
    await build({
      configFile: false,
      logLevel: 'error',
      root: join(folder, 'source'),
      resolve: { alias: { 'unplugin-quantize/core': join(import.meta.dirname, '../../packages/unplugin-quantize/src/core.web.ts') } },
      build: { outDir: served, emptyOutDir: true, target: 'es2022' },
    });
    writeFileSync(join(served, 'direction.onnx'), readFileSync(models.ocrDirection));
    writeFileSync(join(served, 'speech.onnx'), readFileSync(models.silero));
    writeSplitModel(served);
    server = await serveFolder(served);
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(server.origin);
    await page.waitForFunction(() => 'quantizeInPage' in window);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  const inPage = (file: string, options: CoreOptions, externals: Record<string, string> = {}): Promise<Made | { error: string; code: string }> =>
    page.evaluate(([url, options, externals]) => window.quantizeInPage(url, options, externals), [`/${file}`, options, externals] as const);

  it.each(formats)('gives the bytes and the report that Node gives, as %s', async (format) => {
    for (const file of ['direction.onnx', 'speech.onnx']) {
      const options = { format, name: file };
      const { report } = await quantizeModel(new Uint8Array(readFileSync(join(served, file))), options);
      expect(report.format).toBe(format);
      expect(await inPage(file, options)).toEqual({ report: JSON.parse(JSON.stringify(report)) as CoreReport, sha256: report.artefact.sha256 });
    }
  });

  it('takes external data', async () => {
    const options: CoreOptions = { format: 'int8', name: 'model.onnx' };
    const { report } = await quantizeModel(join(served, 'model.onnx'), options);
    // The source's hash is that of the one file that holds the graph, in both places.
    expect(await inPage('model.onnx', options, { 'model.data': '/model.data' })).toEqual({ report: JSON.parse(JSON.stringify(report)) as CoreReport, sha256: report.artefact.sha256 });
  });

  it('refuses with the error that Node gives', async () => {
    expect(await inPage('index.html', { name: 'page' })).toMatchObject({ code: 'MODEL_NOT_ONNX' });
    expect(await inPage('model.onnx', { name: 'model.onnx' })).toMatchObject({ code: 'EXTERNAL_DATA_MISSING', error: expect.stringContaining('model.data') });
  });
});
