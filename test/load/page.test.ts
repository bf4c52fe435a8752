import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { buildLab, loadIn, openLab, type PlainFeeds } from '../browser/runtime-lab.ts';
import { buildBytes, ramp } from '../support/build-model.ts';
import { quantizedModel, variantOf } from '../support/canary.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serveFolder, type RunningServer } from '../support/static-server.ts';

const feeds: PlainFeeds = { x: { type: 'float32', data: Array<number>(512).fill(1), dims: [1, 512] } };
const CYCLES = 100;
/** Cycles after which engine and page have what they need. */
const SETTLED = 20;

interface Memory {
  /** Bytes of live JavaScript objects, of array buffers, and of WebAssembly memories. */
  heap: number;
  buffers: number;
  wasm: number;
}

declare global {
  interface Window {
    wasmMemories: WebAssembly.Memory[];
  }
}

/** Notes every memory that the page's WebAssembly has, imported or exported. */
const RECORD_MEMORIES = `
  window.wasmMemories = [];
  const { Memory, instantiate, instantiateStreaming } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, { construct: (target, args) => { const memory = new target(...args); wasmMemories.push(memory); return memory; } });
  const note = (made) => { for (const value of Object.values((made.instance ?? made).exports)) if (value instanceof Memory) wasmMemories.push(value); return made; };
  WebAssembly.instantiate = (...args) => instantiate.apply(WebAssembly, args).then(note);
  WebAssembly.instantiateStreaming = (...args) => instantiateStreaming.apply(WebAssembly, args).then(note);
`;

async function memoryOf(page: Page, cdp: CDPSession): Promise<Memory> {
  await cdp.send('HeapProfiler.collectGarbage');
  const usage = (await cdp.send('Runtime.getHeapUsage')) as { usedSize: number; backingStorageSize?: number };
  const wasm = await page.evaluate(() => [...new Set(window.wasmMemories)].reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  return { heap: usage.usedSize, buffers: usage.backingStorageSize ?? 0, wasm };
}

describe.skipIf(chromiumPath === null)('a page that loads a model and disposes of it a hundred times', () => {
  const folder = mkdtempSync(join(tmpdir(), 'load-page-'));
  const file = join(folder, 'm.onnx');
  const bytes = buildBytes({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: ramp([512, 512]) }, inputs: { x: 'float32[N,512]' }, outputs: { y: 'float32[N,512]' } });
  let browser: Browser;
  let server: RunningServer;

  beforeAll(async () => {
    await buildLab(folder);
    writeFileSync(file, bytes);
    server = await serveFolder(folder);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  it('has as much memory in the end as after the first ones', async () => {
    const context = await browser.newContext();
    await context.addInitScript(RECORD_MEMORIES);
    const page = await openLab(context, server.origin);
    const cdp = await context.newCDPSession(page);
    const model = quantizedModel('m', [variantOf(file, '/m.onnx')]);
    const measured: Memory[] = [];
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const loaded = await loadIn(page, model, feeds);
      expect(loaded).toMatchObject({ backend: 'wasm', afterwards: 'SESSION_RELEASED' });
      if (cycle === SETTLED || cycle === CYCLES) measured.push(await memoryOf(page, cdp));
    }
    const [early, last] = measured as [Memory, Memory];
    expect(early.wasm).toBeGreaterThan(bytes.length);
    // WebAssembly's memory never shrinks: what is the same size was used again.
    expect(last.wasm).toBe(early.wasm);
    const cycles = CYCLES - SETTLED;
    expect(last.buffers - early.buffers).toBeLessThan(bytes.length);
    expect(last.heap - early.heap).toBeLessThan(cycles * 2000);
    expect(server.requests.filter((path) => path === '/m.onnx')).toHaveLength(1);
    await context.close();
  });
});
