import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ModelVariant } from '../../packages/unplugin-quantize/src/types.ts';
import { quantizedModel, variantOf } from '../support/canary.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { models } from '../support/models.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';
import { buildLab, loadIn, openLab, type PlainFeeds } from './runtime-lab.ts';

const source = join(import.meta.dirname, '../reference/quantize/mlp.onnx');
const quantized = join(import.meta.dirname, '../reference/quantize/mlp.dynamic.onnx');
const feeds: PlainFeeds = { x: { type: 'float32', data: Array.from({ length: 64 }, (_, i) => Math.sin(i)), dims: [2, 32] } };
const bytes = readFileSync(source);

const kept = ({ sha256 }: ModelVariant): string => `/.unplugin-quantize/${sha256}`;
const first = variantOf(source, '/first.onnx');
const second = variantOf(quantized, '/second.onnx');

describe.skipIf(chromiumPath === null)('models that the browser keeps', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-kept-'));
  let browser: Browser;
  let context: BrowserContext;
  let server: RunningServer;
  /** Answers that are held back until the test lets go. */
  let held: (() => void)[];
  /** `Range` and `If-Range` of requests. */
  let ranges: (string | undefined)[][];

  function handle(request: IncomingMessage, response: ServerResponse): boolean {
    // Without it a reload takes files from the HTTP cache, and nothing is told of ours.
    response.setHeader('cache-control', 'no-store');
    if (request.url === '/cut.onnx') return answerInTwo(request, response);
    if (request.url !== '/slow.onnx') return false;
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, bytes.length >> 1));
    held.push(() => response.end(bytes.subarray(bytes.length >> 1)));
    return true;
  }

  /** Breaks off in the middle, and gives the rest to who asks for it. */
  function answerInTwo(request: IncomingMessage, response: ServerResponse): true {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    ranges.push([request.headers.range, request.headers['if-range'] as string | undefined]);
    const headers = { etag: '"m"', 'content-length': bytes.length - from };
    if (from > 0) response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }).end(bytes.subarray(from));
    else response.writeHead(200, headers).write(bytes.subarray(0, bytes.length >> 1), () => setTimeout(() => response.destroy(), 100));
    return true;
  }

  beforeAll(async () => {
    await buildLab(folder);
    copyFileSync(source, join(folder, 'first.onnx'));
    copyFileSync(quantized, join(folder, 'second.onnx'));
    copyFileSync(models.silero, join(folder, 'large.onnx'));
    writeFileSync(join(folder, 'packed.onnx.gz'), gzipSync(bytes));
    const packed = gzipSync(bytes);
    writeFileSync(join(folder, 'packed.0'), packed.subarray(0, 1000));
    writeFileSync(join(folder, 'packed.1'), packed.subarray(1000));
    browser = await launchChromium();
  });

  beforeEach(async () => {
    held = [];
    ranges = [];
    server = await serveFolder(folder, { handle });
    context = await browser.newContext();
  });

  afterEach(async () => {
    await context.close();
    await server.close();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  const downloads = (): string[] => server.requests.filter((path) => path.includes('.onnx') || path.includes('packed'));
  const keptIn = (page: Page): Promise<string[]> => page.evaluate(() => window.lab.kept());

  it('are there on a later visit, when their server is not', async () => {
    const visit = await openLab(context, server.origin);
    const before = await loadIn(visit, quantizedModel('m', [first]), feeds);
    expect(before).toMatchObject({ backend: 'wasm', warnings: [] });
    expect(await keptIn(visit)).toEqual([kept(first)]);
    await visit.close();
    const later = await openLab(context, server.origin);
    // The page itself and its engine come from a service worker or the HTTP cache, as the app likes.
    await later.route('**/*.onnx', (route) => route.abort('internetdisconnected'));
    const after = await loadIn(later, quantizedModel('m', [first]), feeds);
    expect(after).toMatchObject({ outputs: before.outputs!, warnings: [] });
    expect(after.reports.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length, share: 1 });
    expect(downloads()).toEqual(['/first.onnx']);
  });

  it('are checked each time, and loaded again when they are damaged', async () => {
    const page = await openLab(context, server.origin);
    await loadIn(page, quantizedModel('m', [first]), feeds);
    await page.evaluate((path) => window.lab.damage(path), kept(first));
    const loaded = await loadIn(page, quantizedModel('m', [first]), feeds);
    expect(loaded.error).toBeUndefined();
    expect(downloads()).toEqual(['/first.onnx', '/first.onnx']);
  });

  it('are one for all tabs: the second one waits for the download of the first', async () => {
    const model = quantizedModel('m', [{ ...first, url: '/slow.onnx' }]);
    const tabs = await Promise.all([openLab(context, server.origin), openLab(context, server.origin)]);
    const both = tabs.map((page) => loadIn(page, model, feeds));
    await expect.poll(() => held.length).toBe(1);
    held[0]?.();
    const [a, b] = await Promise.all(both);
    expect(a?.error).toBeUndefined();
    expect(b?.outputs).toEqual(a?.outputs);
    expect(downloads()).toEqual(['/slow.onnx']);
  });

  it('leave when a newer version comes, and stay for other models', async () => {
    const page = await openLab(context, server.origin);
    await loadIn(page, quantizedModel('m', [first]), feeds);
    await loadIn(page, quantizedModel('other', [{ ...first, sha256: first.sha256.toUpperCase() }]), feeds);
    const renamed = { ...first, sha256: first.sha256.toUpperCase() };
    await page.close();
    const later = await openLab(context, server.origin);
    await loadIn(later, quantizedModel('m', [second]), feeds);
    expect((await keptIn(later)).sort()).toEqual([kept(renamed), kept(second)].sort());
  });

  it('are not kept where there is no room, which is no failure', async () => {
    const page = await openLab(context, server.origin);
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 1 });
    const loaded = await loadIn(page, quantizedModel('m', [first]), feeds);
    expect(loaded.error).toBeUndefined();
    expect(loaded.warnings).toEqual([expect.stringMatching(/^The model is not kept for the next visit: .*quota/i)]);
    expect(await keptIn(page)).toEqual([]);
  });

  it('make room for a new one', async () => {
    const large = variantOf(models.silero, '/large.onnx');
    const page = await openLab(context, server.origin);
    await loadIn(page, quantizedModel('old', [large]), feeds);
    expect(await keptIn(page)).toEqual([kept(large)]);
    await page.close();
    const later = await openLab(context, server.origin);
    const session = await context.newCDPSession(later);
    await session.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: large.bytes });
    const loaded = await loadIn(later, quantizedModel('new', [second]), feeds);
    expect(loaded).toMatchObject({ backend: 'wasm', warnings: [] });
    expect(await keptIn(later)).toEqual([kept(second)]);
  });

  it('are downloaded to the end when the connection breaks', async () => {
    const page = await openLab(context, server.origin);
    const loaded = await loadIn(page, quantizedModel('m', [{ ...first, url: '/cut.onnx' }]), feeds);
    expect(loaded).toMatchObject({ backend: 'wasm', warnings: [] });
    expect(ranges).toEqual([
      [undefined, undefined],
      [`bytes=${bytes.length >> 1}-`, '"m"'],
    ]);
    const sizes = loaded.reports.map((report) => report.loaded);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBe(bytes.length);
  });

  it('come compressed and cut', async () => {
    const page = await openLab(context, server.origin);
    const whole = { ...first, url: '/packed.onnx.gz', encoding: 'gzip' } as const;
    const loaded = await loadIn(page, quantizedModel('m', [whole]), feeds);
    expect(loaded).toMatchObject({ backend: 'wasm', warnings: [] });
    const parts = [
      { url: '/packed.0', bytes: 1000 },
      { url: '/packed.1', bytes: gzipSync(bytes).length - 1000 },
    ];
    await page.evaluate(() => caches.delete('unplugin-quantize'));
    const cut = await loadIn(page, quantizedModel('m', [{ ...whole, url: '/packed.0', parts }]), feeds);
    expect(cut.outputs).toEqual(loaded.outputs);
    expect(downloads()).toEqual(['/packed.onnx.gz', '/packed.0', '/packed.1']);
  });
});
