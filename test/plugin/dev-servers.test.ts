import { copyFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createCompiler, createDevServer, Logger, resolveConfig } from '@farmfe/core';
import { rspack } from '@rspack/core';
import { RspackDevServer } from '@rspack/dev-server';
import type { Browser } from 'playwright-core';
import type { QuantizedModel } from 'unplugin-quantize';
import quantizeFarm from 'unplugin-quantize/farm';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { models } from '../support/models.ts';
import { hashOfFile, makeProject, QUICK } from './support.ts';

/** Starts a dev server for a page that loads main.js below `/sub/`, and gives the page's address. */
type Start = (root: string, port: number) => Promise<string>;

const compilerOptions = (root: string) => ({
  context: root,
  mode: 'development' as const,
  entry: './main.js',
  infrastructureLogging: { level: 'none' as const },
  stats: 'none' as const,
  output: { path: join(root, 'dist'), filename: 'main.js', publicPath: '/sub/' },
});

const serverOptions = (root: string, port: number) => ({ host: 'localhost', port, static: { directory: root, publicPath: '/', watch: false }, client: { overlay: false } });

const startWebpack: Start = async (root, port) => {
  const server = new WebpackDevServer(serverOptions(root, port), webpack({ ...compilerOptions(root), plugins: [quantizeWebpack(QUICK)] })!);
  await server.start();
  onTestFinished(() => server.stop());
  return `http://localhost:${port}/`;
};

const startRspack: Start = async (root, port) => {
  const server = new RspackDevServer(serverOptions(root, port), rspack({ ...compilerOptions(root), plugins: [quantizeRspack(QUICK)] }));
  await server.start();
  onTestFinished(() => server.stop());
  return `http://localhost:${port}/`;
};

const startFarm: Start = async (root, port) => {
  const logger = new Logger();
  for (const method of ['info', 'warn', 'error'] as const) logger[method] = () => undefined;
  const plugins = [quantizeFarm(QUICK)];
  const inline = { root, clearScreen: false, compilation: { input: { index: './index.html' }, persistentCache: false, output: { publicPath: '/sub/' } }, server: { port, host: 'localhost' }, plugins };
  const config = await resolveConfig(inline as unknown as Parameters<typeof resolveConfig>[0], 'development', logger);
  const server = await createDevServer(await createCompiler(config, logger), config, logger);
  // Farm composes its middlewares before it has any: koa-compose 4.2 takes a copy then, so that nothing would be served.
  server.server!.removeAllListeners('request');
  server.server!.on('request', server.app().callback());
  await server.listen();
  onTestFinished(() => server.close());
  return `http://localhost:${port}/sub/`;
};

const STARTS: Record<string, Start> = { webpack: startWebpack, rspack: startRspack, farm: startFarm };

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, 'localhost', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

declare global {
  var found: QuantizedModel;
}

describe.skipIf(chromiumPath === null).each(Object.entries(STARTS))('the dev server of %s', (name, start) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it('serves the artefact, and shows the page a changed model', async () => {
    const script = name === 'farm' ? './main.js' : '/sub/main.js';
    const page = `<!doctype html><html><head><link rel="icon" href="data:,"></head><body><script type="module" src="${script}"></script></body></html>`;
    const root = makeProject({ 'index.html': page, 'main.js': "import model from './m.onnx?quantize'; globalThis.found = model;" }, { 'm.onnx': 'ocrDirection' });
    const url = await start(root, await freePort());
    const tab = await browser.newPage();
    await tab.goto(url);

    const shown = async (source: string): Promise<{ hash: string; url: string; sha256: string }> => {
      const wanted = hashOfFile(source);
      await tab.waitForFunction((hash) => globalThis.found?.source.hash === hash, wanted);
      return tab.evaluate(async () => {
        const { hash, variants } = globalThis.found;
        const bytes = await (await fetch(variants[0]!.url)).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        return { hash, url: variants[0]!.url, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
      });
    };
    const first = await shown(models.ocrDirection);
    expect(first.sha256).toBe(first.hash);
    expect(new URL(first.url, url).pathname).toMatch(/^\/sub\//);

    copyFileSync(models.silero, join(root, 'm.onnx'));
    const second = await shown(models.silero);
    expect(second.hash).not.toBe(first.hash);
    expect(second.sha256).toBe(second.hash);
    await tab.close();
  });
});
