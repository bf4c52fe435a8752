import { join } from 'node:path';
import { rspack } from '@rspack/core';
import { RspackDevServer } from '@rspack/dev-server';
import type { Browser } from 'playwright-core';
import quantizeRspack from 'unplugin-quantize/rspack';
import quantizeVite from 'unplugin-quantize/vite';
import quantizeWebpack from 'unplugin-quantize/webpack';
import { build, createServer, preview, type InlineConfig } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import webpack from 'webpack';
import WebpackDevServer from 'webpack-dev-server';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { serve } from '../support/static-server.ts';
import { makeProject, QUICK } from './support.ts';

const OPTIONS = { ...QUICK, report: false as const, crossOriginIsolation: true };
const SCRIPT = "import url from './m.onnx?quantize&url'; globalThis.found = fetch(url).then(({ status }) => [status, crossOriginIsolated, typeof SharedArrayBuffer]);";

/** A page that loads its script from a path, and fetches its model. */
const project = (script: string): string => makeProject({ 'index.html': `<!doctype html><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`, 'main.js': SCRIPT }, { 'm.onnx': 'ocrDirection' });
const viteConfig = (root: string, more: InlineConfig = {}): InlineConfig => ({ root, configFile: false, logLevel: 'silent', plugins: [quantizeVite(OPTIONS)], ...more });
const portOf = (server: { address(): unknown } | null): number => (server!.address() as { port: number }).port;

/** As their command lines do: the server takes `devServer` of the compiler's options. */
const compilerOptions = (root: string) => ({
  context: root,
  mode: 'development' as const,
  entry: './main.js',
  infrastructureLogging: { level: 'none' as const },
  stats: 'none' as const,
  output: { path: join(root, 'dist'), filename: 'main.js', publicPath: '/sub/' },
  devServer: { host: 'localhost', port: 0, static: { directory: root, publicPath: '/', watch: false }, hot: false },
});

const STARTS: Record<string, () => Promise<number>> = {
  async 'the dev server of Vite'() {
    const server = await createServer(viteConfig(project('/main.js'), { server: { host: 'localhost', port: 0 } }));
    onTestFinished(() => server.close());
    await server.listen();
    return portOf(server.httpServer);
  },
  async 'the preview server of Vite'() {
    const root = project('/main.js');
    await build(viteConfig(root));
    const server = await preview(viteConfig(root, { preview: { host: 'localhost', port: 0 } }));
    onTestFinished(() => server.close());
    return portOf(server.httpServer);
  },
  async 'a page that a framework answers in Vite’s dev server'() {
    const root = project('/main.js');
    const vite = await createServer(viteConfig(root, { appType: 'custom', server: { middlewareMode: true, ws: false } }));
    const server = await serve((request, response) => vite.middlewares(request, response, () => void response.setHeader('content-type', 'text/html').end('<!doctype html><script type="module" src="/main.js"></script>')));
    onTestFinished(async () => {
      await vite.close();
      await server.close();
    });
    return Number(new URL(server.origin).port);
  },
  async 'webpack-dev-server'() {
    const compiler = webpack({ ...compilerOptions(project('/sub/main.js')), plugins: [quantizeWebpack(OPTIONS)] })!;
    const server = new WebpackDevServer({ ...compiler.options.devServer }, compiler);
    onTestFinished(() => server.stop());
    await server.start();
    return portOf(server.server as unknown as { address(): unknown });
  },
  async 'the dev server of Rspack'() {
    const compiler = rspack({ ...compilerOptions(project('/sub/main.js')), plugins: [quantizeRspack(OPTIONS)] });
    const server = new RspackDevServer({ ...compiler.options.devServer } as ConstructorParameters<typeof RspackDevServer>[0], compiler);
    onTestFinished(() => server.stop());
    await server.start();
    return portOf(server.server as unknown as { address(): unknown });
  },
};

describe.skipIf(chromiumPath === null)('crossOriginIsolation', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it.each(Object.keys(STARTS))('isolates pages of %s', async (name) => {
    const port = await STARTS[name]!();
    const page = await browser.newPage();
    await page.goto(`http://localhost:${port}/`);
    const found = await page.waitForFunction(() => (globalThis as unknown as { found?: Promise<unknown> }).found);
    expect(await found.jsonValue()).toEqual([200, true, 'function']);
    await page.close();
  });

  it('leaves to the user what `headers` set, and everything where it is off', async () => {
    const header = async (config: InlineConfig): Promise<(string | null)[]> => {
      const server = await createServer(config);
      await server.listen();
      const { headers } = await fetch(`http://localhost:${portOf(server.httpServer)}/main.js`);
      await server.close();
      return ['cross-origin-opener-policy', 'cross-origin-embedder-policy'].map((name) => headers.get(name));
    };
    const root = project('/main.js');
    const server = { host: 'localhost', port: 0 };
    expect(await header(viteConfig(root, { server: { ...server, headers: { 'cross-origin-embedder-policy': 'unsafe-none' } } }))).toEqual(['same-origin', 'unsafe-none']);
    expect(await header(viteConfig(root, { server, plugins: [quantizeVite(QUICK)] }))).toEqual([null, null]);
  });
});
