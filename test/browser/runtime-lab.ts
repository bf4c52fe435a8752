import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import type { Backend, BatchOptions, Fallback, ModelVariant, Progress, QuantizedModel } from '../../packages/unplugin-quantize/src/runtime/public.ts';
import type { Verdict } from '../../packages/unplugin-quantize/src/runtime/verdict.ts';

export type PlainFeeds = Record<string, { type: string; data: number[]; dims: readonly number[] }>;
export type PlainOutputs = Record<string, number[]>;

export interface LabOptions {
  numThreads?: number;
  backends?: Backend[];
  prefer?: 'speed';
  retries?: number;
  batch?: BatchOptions;
  /** Moves the session into a worker. */
  worker?: boolean;
  /** Gives an onFallback. */
  tellFallbacks?: boolean;
  /** Destroys the GPU device while three more calls are under way. */
  loseDevice?: boolean;
}

export interface Loaded {
  outputs?: PlainOutputs;
  /** Of the three calls during the loss of the device. */
  again?: PlainOutputs[];
  error?: { name: string; code: string; message: string; hint?: string };
  warnings: string[];
  reports: Progress[];
  fallbacks: Fallback[];
  ordinary?: boolean;
  backend?: Backend;
  variant?: ModelVariant | null;
  /** What a call after the release was rejected with. */
  afterwards?: string;
  threads?: number;
}

declare global {
  interface Window {
    lab: {
      load(model: QuantizedModel | string, feeds: PlainFeeds, options?: LabOptions): Promise<Loaded>;
      abortMidway(url: string): Promise<{ rejection: string; shares: (number | null)[] }>;
      verdicts(): Promise<Verdict[]>;
      kept(): Promise<string[]>;
      damage(path: string): Promise<void>;
    };
  }
}

const PACKAGE = join(import.meta.dirname, '../../packages/unplugin-quantize');

/**
 * Builds the page: the runtime from its source, its worker from dist, whose side effects the package declares.
 * @param onnxruntime the one build that all imports lead to, as the plugin has it; without it each import has its own
 */
export async function buildLab(folder: string, onnxruntime?: 'webgpu'): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    root: join(import.meta.dirname, 'runtime-page'),
    resolve: {
      alias: [
        ...(onnxruntime === undefined ? [] : [{ find: /^onnxruntime-web\/(?:wasm|jspi)$/, replacement: `onnxruntime-web/${onnxruntime}` }]),
        { find: 'unplugin-quantize/runtime/worker', replacement: join(PACKAGE, 'dist/runtime/worker.web.js') },
        { find: 'unplugin-quantize/runtime', replacement: join(PACKAGE, 'src/runtime/index.web.ts') },
      ],
    },
    worker: { format: 'es' },
    build: { outDir: folder, emptyOutDir: true, target: 'es2022' },
  });
}

export async function openLab(browser: Pick<Browser, 'newPage'>, origin: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.waitForFunction(() => 'lab' in window);
  return page;
}

export function loadIn(page: Page, model: QuantizedModel | string, feeds: PlainFeeds, options: LabOptions = {}): Promise<Loaded> {
  return page.evaluate(([model, feeds, options]) => window.lab.load(model, feeds, options), [model, feeds, options] as const);
}

/** The largest difference of two outputs' elements. */
export function distance(found: number[] | undefined, expected: ArrayLike<number>): number {
  if (found?.length !== expected.length) return Infinity;
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
}
