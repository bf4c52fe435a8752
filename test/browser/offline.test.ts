import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantizedModel, variantOf } from '../support/canary.ts';
import { chromiumPath } from '../support/chromium.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';
import { buildLab, loadIn, openLab, type PlainFeeds } from './runtime-lab.ts';

const source = join(import.meta.dirname, '../reference/quantize/mlp.onnx');
const feeds: PlainFeeds = { x: { type: 'float32', data: Array.from({ length: 64 }, (_, i) => Math.sin(i)), dims: [2, 32] } };

/** What hosts send with files whose names have a hash. */
const FOR_EVER = { 'Cache-Control': 'public, max-age=31536000, immutable' };

describe.skipIf(chromiumPath === null)('a page without a service worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-offline-'));
  const profile = mkdtempSync(join(tmpdir(), 'runtime-profile-'));
  let context: BrowserContext;
  let server: RunningServer;

  beforeAll(async () => {
    await buildLab(folder);
    copyFileSync(source, join(folder, 'm.onnx'));
    server = await serveFolder(folder, {
      handle: (request, response) => {
        // Of the model nothing may come from the browser's own cache.
        if (request.url !== '/m.onnx') for (const [name, value] of Object.entries(FOR_EVER)) response.setHeader(name, value);
        else response.setHeader('Cache-Control', 'no-store');
        return false;
      },
    });
    // A profile on a disk, as visitors have it: contexts of tests keep little.
    context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath!, args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterAll(async () => {
    await context?.close();
    for (const path of [folder, profile]) rmSync(path, { recursive: true, force: true });
  });

  it('works without a network after the first visit: page and engine from the HTTP cache, the model from the Cache API', async () => {
    const model = quantizedModel('m', [variantOf(source, '/m.onnx')]);
    const page = await openLab(context, server.origin);
    const first = await loadIn(page, model, feeds);
    expect(first).toMatchObject({ backend: 'wasm', warnings: [] });
    expect(server.requests.filter((path) => /\.(?:onnx|wasm)$/.test(path))).toHaveLength(2);
    await page.close();

    const { origin } = server;
    await server.close();
    await context.setOffline(true);
    const later = await openLab(context, origin);
    const offline = await loadIn(later, model, feeds);
    expect(offline.error).toBeUndefined();
    expect(offline).toMatchObject({ backend: 'wasm', outputs: first.outputs!, warnings: [] });

    // Another model has never been here.
    const unknown = await loadIn(later, quantizedModel('n', [{ ...model.variants[0]!, url: '/n.onnx', sha256: '0'.repeat(64) }]), feeds, { retries: 0 });
    expect(unknown.error).toMatchObject({ code: 'NETWORK_ERROR' });
  });
});
