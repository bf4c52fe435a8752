import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-node';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelVariant, QuantizedModel } from '../../packages/unplugin-quantize/src/runtime/public.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { models } from '../support/models.ts';
import { ISOLATED, serveFolder, type RunningServer } from '../support/static-server.ts';
import { buildLab, loadIn, openLab, type LabOptions, type Loaded, type PlainFeeds } from './runtime-lab.ts';
import { variantOf } from '../support/canary.ts';

const bytes = readFileSync(models.silero);
const feeds: PlainFeeds = {
  input: { type: 'float32', data: Array.from({ length: 512 }, (_, i) => Math.fround(Math.sin(i / 9) / 2)), dims: [1, 512] },
  state: { type: 'float32', data: Array<number>(256).fill(0), dims: [2, 1, 128] },
  sr: { type: 'int64', data: [16000], dims: [] },
};

/**
 * Both engines compute in float32 but add in another order. A sum of n products then differs by at most n * 2^-24 of the sum of their magnitudes,
 * here about 1. The longest sum of the model has 129 channels times 3 taps, and seven layers follow each other.
 */
const TOLERANCE = 7 * 129 * 3 * 2 ** -24;

const variant = (url: string, more: Partial<ModelVariant> = {}): ModelVariant => variantOf(models.silero, url, more);

const model = (url: string, more: Partial<ModelVariant> = {}): QuantizedModel => ({
  name: 'vad',
  hash: '',
  source: { bytes: bytes.length, hash: '' },
  inputs: [],
  outputs: [],
  variants: [variant(`${url}-node`, { target: 'node' }), variant(url, more)],
  report: { format: 'none', ratio: 1, cosine: null },
});

/** Piece by piece, with pauses. */
async function trickle(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-length': bytes.length });
  const piece = Math.ceil(bytes.length / 8);
  for (let start = 0; start < bytes.length; start += piece) {
    response.write(bytes.subarray(start, start + piece));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  response.end();
}

/** Answers that a folder cannot give. */
function handle(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url === '/zipped.onnx') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes));
  else if (request.url === '/stalls.onnx') response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 500_000));
  else if (request.url === '/gone.onnx') response.writeHead(404).end();
  else if (request.url === '/short.onnx') response.writeHead(200).end(bytes.subarray(0, bytes.length - 1));
  else if (request.url === '/tampered.onnx') response.writeHead(200).end(Buffer.from(bytes).fill(bytes[bytes.length >> 1]! ^ 1, bytes.length >> 1, (bytes.length >> 1) + 1));
  else if (request.url === '/slow.onnx') void trickle(response);
  else return false;
  return true;
}

describe.skipIf(chromiumPath === null)('the runtime in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-page-'));
  const servers: RunningServer[] = [];
  let browser: Browser;
  let plain: RunningServer;
  let isolated: RunningServer;
  let withoutWasm: RunningServer;
  let reference: Record<string, number[]>;

  beforeAll(async () => {
    await buildLab(folder);
    copyFileSync(models.silero, join(folder, 'vad.onnx'));
    plain = await serveFolder(folder, { handle, fallback: true });
    isolated = await serveFolder(folder, { headers: ISOLATED });
    withoutWasm = await serveFolder(folder, {
      handle: (request, response) => {
        if (!request.url?.endsWith('.wasm')) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    servers.push(plain, isolated, withoutWasm);
    browser = await launchChromium(['--host-resolver-rules=MAP insecure.test localhost']);
    reference = await runInNode();
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true });
  });

  const openPage = (origin: string) => openLab(browser, origin);

  async function loadOn(origin: string, source: QuantizedModel | string, options?: LabOptions): Promise<Loaded> {
    const page = await openPage(origin);
    try {
      return await loadIn(page, source, feeds, options);
    } finally {
      await page.close();
    }
  }

  function expectReference(outputs: Record<string, number[]> | undefined): void {
    expect(Object.keys(outputs ?? {}).sort()).toEqual(Object.keys(reference).sort());
    for (const [name, values] of Object.entries(reference)) {
      expect(outputs?.[name]).toHaveLength(values.length);
      const errors = values.map((value, i) => Math.abs(value - (outputs?.[name]?.[i] ?? Number.NaN)));
      expect(Math.max(...errors)).toBeLessThanOrEqual(TOLERANCE);
    }
  }

  it('is built without anything of Node', () => {
    const files = readdirSync(join(folder, 'assets'));
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      expect(readFileSync(join(folder, 'assets', file), 'utf8')).not.toContain('onnxruntime-node');
    }
  });

  it.each(['/vad.onnx', '/zipped.onnx', '/slow.onnx'])('downloads %s with progress and computes what onnxruntime-node computes', async (url) => {
    const loaded = await loadOn(plain.origin, model(url));
    expect(loaded.error).toBeUndefined();
    expect(loaded).toMatchObject({ backend: 'wasm', ordinary: true, threads: 1, warnings: [] });
    expect(loaded.variant).toEqual(variant(url));
    expect(loaded.reports.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length, share: 1 });
    expect([...new Set(plain.requests.filter((path) => path.endsWith('.wasm')))]).toEqual([expect.stringMatching(/ort-wasm-simd-threaded-[\w-]+\.wasm$/)]);
    expect(loaded.reports.map((report) => report.loaded)).toEqual(loaded.reports.map((report) => report.loaded).sort((a, b) => a - b));
    expectReference(loaded.outputs);
  });

  it('takes a bare URL, two at once', async () => {
    const page = await openPage(plain.origin);
    const both = await page.evaluate(
      (feeds) => Promise.all(['vad.onnx', '/zipped.onnx'].map((url) => window.lab.load(url, feeds))),
      feeds,
    );
    await page.close();
    for (const loaded of both) {
      expect(loaded).toMatchObject({ variant: null, warnings: [] });
      expectReference(loaded.outputs);
    }
  });

  it.each([
    ['/missing.onnx', {}, 'NOT_A_MODEL', 'HTML page'],
    ['/gone.onnx', {}, 'HTTP_ERROR', '404'],
    ['/vad.onnx', { bytes: bytes.length - 1 }, 'SIZE_MISMATCH', 'more than'],
    ['/short.onnx', {}, 'SIZE_MISMATCH', `${bytes.length - 1} bytes where the build wrote ${bytes.length}`],
    ['/vad.onnx', { sha256: '00' }, 'HASH_MISMATCH', 'expected 00'],
    ['/tampered.onnx', {}, 'HASH_MISMATCH', 'is not the file that the build wrote'],
    ['/vad.onnx', { sessionOptions: { graphOptimizationLevel: 'everything' } }, 'SESSION_FAILED', 'everything'],
  ] as const)('refuses %s %j as %s', async (url, more, code, words) => {
    const { error } = await loadOn(plain.origin, model(url, more));
    expect(error).toMatchObject({ name: 'RuntimeError', code, message: expect.stringContaining(words) });
    expect(error?.message).toContain(url);
  });

  it('rejects with the reason of a signal aborted in mid-download', async () => {
    const page = await openPage(plain.origin);
    const { rejection, shares } = await page.evaluate(() => window.lab.abortMidway('/stalls.onnx'));
    await page.close();
    expect(rejection).toBe('the reason');
    expect(shares).toHaveLength(1);
    expect(shares[0]).toBeLessThan(1);
  });

  it('runs with threads on an isolated page', async () => {
    const loaded = await loadOn(isolated.origin, model('/vad.onnx'), { numThreads: 2 });
    expect(loaded).toMatchObject({ backend: 'wasm-threads', threads: 2, warnings: [] });
    expectReference(loaded.outputs);
  });

  it('says that threads need an isolated page, and uses one', async () => {
    const loaded = await loadOn(plain.origin, model('/vad.onnx'), { numThreads: 2 });
    expect(loaded).toMatchObject({ backend: 'wasm', threads: 1, warnings: [expect.stringContaining('cross-origin isolated')] });
    expectReference(loaded.outputs);
  });

  it('says that the first session has settled the threads', async () => {
    const page = await openPage(isolated.origin);
    const second = await page.evaluate(async (feeds) => {
      await window.lab.load('/vad.onnx', feeds, { numThreads: 1 });
      return window.lab.load('/vad.onnx', feeds, { numThreads: 2 });
    }, feeds);
    await page.close();
    expect(second).toMatchObject({ threads: 1, warnings: [expect.stringContaining('already started')] });
  });

  it('says that it cannot check the hash on an insecure page, and goes on', async () => {
    const origin = plain.origin.replace('localhost', 'insecure.test');
    const loaded = await loadOn(origin, model('/vad.onnx', { sha256: '00' }));
    expect(loaded.warnings).toEqual([expect.stringContaining('crypto.subtle')]);
    expectReference(loaded.outputs);
  });

  it('names the .wasm file when the engine cannot start', async () => {
    const { error } = await loadOn(withoutWasm.origin, model('/vad.onnx'));
    expect(error).toMatchObject({ code: 'ENGINE_MISSING', hint: expect.stringContaining('.wasm') });
  });
});

async function runInNode(): Promise<Record<string, number[]>> {
  const session = await ort.InferenceSession.create(models.silero);
  const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => {
    const tensor = type === 'int64' ? new ort.Tensor('int64', BigInt64Array.from(data, BigInt), dims) : new ort.Tensor('float32', Float32Array.from(data), dims);
    return [name, tensor] as const;
  });
  const results = await session.run(Object.fromEntries(tensors));
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
}
