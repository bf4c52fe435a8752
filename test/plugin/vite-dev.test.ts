import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import { createServer, mergeConfig, type InlineConfig, type ViteDevServer } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { models } from '../support/models.ts';
import { writeSplitModel } from '../support/split-model.ts';
import { connectHmr, type HmrClient } from './hmr-client.ts';
import { hashOfFile, importBuilt, makeProject, QUICK, recordingLogger, sha256, viteBuild, withoutUrls } from './support.ts';

const PAGE = '<!doctype html><script type="module" src="/src/main.js"></script>';
const MAIN = "import { model } from './model.js'; globalThis.found = model;";
const MODEL = "export { default as model } from '../m.onnx?quantize';";

interface Dev {
  server: ViteDevServer;
  origin: string;
  port: number;
  lines: string[];
  /** Follows the imports of a module by the regular expression of their URLs, as a page does. */
  follow(path: string, ...imports: RegExp[]): Promise<{ path: string; code: string }>;
}

async function startDev(root: string, config: InlineConfig = {}, options: Options = QUICK): Promise<Dev> {
  const { logger, lines } = recordingLogger();
  const own: InlineConfig = { root, configFile: false, customLogger: logger, plugins: [quantize(options)], server: { host: 'localhost', port: 0, strictPort: false } };
  const server = await createServer(mergeConfig(own, config));
  await server.listen();
  onTestFinished(() => server.close());
  const { port } = server.httpServer!.address() as { port: number };
  const origin = `http://localhost:${port}`;
  async function follow(path: string, ...imports: RegExp[]): Promise<{ path: string; code: string }> {
    const response = await fetch(origin + path);
    const code = await response.text();
    if (!response.ok) throw new Error(`${path} gave ${response.status}: ${code}`);
    const [first, ...rest] = imports;
    if (first === undefined) return { path, code };
    const url = [...code.matchAll(/(?:from|import) ?"([^"]+)"/g)].map(([, found]) => found!).find((found) => first.test(found));
    if (url === undefined) throw new Error(`${path} imports nothing like ${first}: ${code}`);
    return follow(url, ...rest);
  }
  return { server, origin, port, lines, follow };
}

/** The default export of a module's text. */
async function evaluate<T>(root: string, code: string): Promise<T> {
  const path = join(root, `evaluated-${sha256(Buffer.from(code)).slice(0, 8)}.mjs`);
  writeFileSync(path, code);
  return (await importBuilt<{ default: T }>(path)).default;
}

async function fetchModel(root: string, { follow }: Dev, base = '/'): Promise<QuantizedModel> {
  const { code } = await follow(`${base}src/main.js`, /model\.js/, /m\.onnx\?/);
  return evaluate<QuantizedModel>(root, code);
}

/** Changes a file until the page is told to reload: the watcher drops changes that follow each other within 50 ms. */
async function changeUntilReload(browser: HmrClient, change: () => void): Promise<void> {
  const reload = browser.next('full-reload').then(() => true);
  do change();
  while (!(await Promise.race([reload, sleep(500, false)])));
}

describe('vite dev', () => {
  it.each(['/', '/sub/', './', 'https://cdn.example/x/'])('with base %s serves the artefact under its hash', async (base) => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root, { base });
    const served = { './': '/', 'https://cdn.example/x/': '/x/' }[base] ?? base;
    const model = await fetchModel(root, dev, served);
    expect(model.variants.map(({ url }) => url)).toEqual(Array(2).fill(`${served}@quantize/${model.hash}/m.onnx`));

    const response = await fetch(dev.origin + model.variants[0]!.url);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(sha256(bytes)).toBe(model.hash);
    expect(response.headers.get('content-length')).toBe(String(model.variants[0]!.bytes));
    expect(response.headers.get('etag')).toBe(`"${model.hash}"`);
    const again = await fetch(dev.origin + model.variants[0]!.url, { headers: { 'If-None-Match': response.headers.get('etag')! } });
    expect(again.status).toBe(304);
    const part = await fetch(dev.origin + model.variants[0]!.url, { headers: { Range: 'bytes=0-9' } });
    expect([part.status, Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(0, 10))]).toEqual([206, true]);
    expect((await fetch(dev.origin + model.variants[0]!.url.replace(model.hash, '0'.repeat(64)))).status).toBe(404);
    expect(dev.lines.filter((line) => line.includes('→'))).toHaveLength(1);
  });

  it('gives the model of the build, and a file to code that runs in Node', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL, 'server.js': "export { model } from './src/model.js'; export { default as url } from './m.onnx?quantize&url';" }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root);
    const client = await fetchModel(root, dev);
    const { model, url } = (await dev.server.ssrLoadModule('/server.js')) as { model: QuantizedModel; url: string };
    expect(withoutUrls(model)).toEqual(withoutUrls(client));
    expect(model.variants.map((variant) => variant.url)).toEqual([url, url]);
    expect(hashOfFile(new URL(url))).toBe(client.hash);
    const built = await viteBuild(root, { build: { ssr: 'server.js' } });
    const { model: fromBuild } = await importBuilt<{ model: QuantizedModel }>(join(built.outDir, 'server.js'));
    expect(withoutUrls(fromBuild)).toEqual(withoutUrls(client));
  });

  it('serves the file of server.origin, and `&url` too', async () => {
    const root = makeProject({ 'src/main.js': "import url from '../m.onnx?quantize&url'; globalThis.found = url;" }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root, { server: { origin: 'http://dev.example:1234' } });
    const { code } = await dev.follow('/src/main.js', /m\.onnx\?/);
    expect(await evaluate<string>(root, code)).toMatch(/^http:\/\/dev\.example:1234\/@quantize\/[0-9a-f]{64}\/m\.onnx$/);
  });

  it('reloads the page with a new hash when the model changes', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': `${MODEL}\nimport.meta.hot?.accept();` }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root);
    const browser = await connectHmr(dev.server, dev.port);
    const before = await fetchModel(root, dev);
    await changeUntilReload(browser, () => copyFileSync(models.silero, join(root, 'm.onnx')));
    const after = await fetchModel(root, dev);
    expect(after.hash).not.toBe(before.hash);
    expect(after.source.hash).toBe(hashOfFile(models.silero));
    expect(sha256(Buffer.from(await (await fetch(dev.origin + after.variants[0]!.url)).arrayBuffer()))).toBe(after.hash);
    // An open page may still be asking for what it was told of.
    expect((await fetch(dev.origin + before.variants[0]!.url)).status).toBe(200);
    expect(browser.messages.map(({ type }) => type)).not.toContain('update');
    browser.close();
  });

  it('shows what is wrong with a model, and goes on when it is right again', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root);
    const browser = await connectHmr(dev.server, dev.port);
    const before = await fetchModel(root, dev);
    await changeUntilReload(browser, () => writeFileSync(join(root, 'm.onnx'), 'no model at all'));
    await expect(fetchModel(root, dev)).rejects.toThrow('gave 500');
    const { err } = await browser.next('error');
    expect(err!.message).toContain('[MODEL_NOT_ONNX]');
    expect(err!.message).toContain('model: m.onnx');
    expect(err!.message).toContain('hint: ');
    expect(err).toMatchObject({ plugin: 'unplugin-quantize', id: `${join(root, 'm.onnx')}?quantize` });
    await changeUntilReload(browser, () => copyFileSync(models.ocrDirection, join(root, 'm.onnx')));
    expect(await fetchModel(root, dev)).toEqual(before);
    browser.close();
  });

  it('shows a missing model with its importer, and finds it when it appears', async () => {
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL });
    const dev = await startDev(root);
    const browser = await connectHmr(dev.server, dev.port);
    await expect(dev.follow('/src/main.js', /model\.js/)).rejects.toThrow('gave 500');
    const { err } = await browser.next('error');
    expect(err!.message).toContain(`There is no model "../m.onnx", imported by ${join(root, 'src/model.js')}. [MODEL_NOT_FOUND]`);
    expect(err!.message).toContain(`hint: Looked at ${join(root, 'm.onnx')}.`);
    await changeUntilReload(browser, () => copyFileSync(models.ocrDirection, join(root, 'm.onnx')));
    expect((await fetchModel(root, dev)).name).toBe('m.onnx');
    browser.close();
  });

  it('measures again when the samples change, and reads external data again', async () => {
    const samples = (value: number): string => `export default [{ x: { type: 'float32', dims: [1, 64], data: new Float32Array(64).fill(${value}) } }];`;
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL.replace('m.onnx', 'model.onnx'), 'samples.mjs': samples(1) });
    writeSplitModel(root);
    const dev = await startDev(root, {}, { verify: false, calibration: './samples.mjs', budget: { cosine: 0.5 } });
    const browser = await connectHmr(dev.server, dev.port);
    const fetchSplit = async (): Promise<QuantizedModel> => evaluate(root, (await dev.follow('/src/main.js', /model\.js/, /model\.onnx\?/)).code);
    const first = await fetchSplit();
    expect(first.report.cosine).toBeGreaterThan(0.5);

    await changeUntilReload(browser, () => writeFileSync(join(root, 'samples.mjs'), 'export default [{ y: 1 }];'));
    await expect(fetchSplit()).rejects.toThrow('SAMPLES_INVALID');
    await changeUntilReload(browser, () => writeFileSync(join(root, 'samples.mjs'), samples(2)));
    expect((await fetchSplit()).hash).toBe(first.hash);

    await changeUntilReload(browser, () => void writeSplitModel(root, 'model.data', 0.5));
    expect((await fetchSplit()).hash).not.toBe(first.hash);
    browser.close();
  });

  it('measures again when samples are added to a folder, or a file changes that a module of samples imports', async () => {
    const row = (value: number): string => JSON.stringify({ x: [Array.from({ length: 64 }, (_, i) => Math.sin(i * value))] });
    const root = makeProject({ 'index.html': PAGE, 'src/main.js': MAIN, 'src/model.js': MODEL.replace('m.onnx', 'model.onnx'), 'rows/1.json': row(1), 's/main.mjs': "export { default } from './rows.mjs';", 's/rows.mjs': `export default [${row(1)}];` });
    writeSplitModel(root);
    for (const [calibration, change] of [['./rows', 'rows/2.json'], ['./s/main.mjs', 's/rows.mjs']] as const) {
      const dev = await startDev(root, {}, { verify: false, calibration });
      const browser = await connectHmr(dev.server, dev.port);
      const load = (): Promise<unknown> => dev.follow('/src/main.js', /model\.js/, /model\.onnx\?/);
      await load();
      await changeUntilReload(browser, () => writeFileSync(join(root, change), change.endsWith('.json') ? '{"y":1}' : 'throw new Error("broken")'));
      await expect(load()).rejects.toThrow('SAMPLES_INVALID');
      await changeUntilReload(browser, () => writeFileSync(join(root, change), change.endsWith('.json') ? row(2) : `export default [${row(3)}];`));
      await load();
      browser.close();
    }
  });

  it('removes what is temporary when the server closes', async () => {
    const root = makeProject({ 'src/main.js': MAIN, 'src/model.js': MODEL }, { 'm.onnx': 'ocrDirection' });
    const dev = await startDev(root, {}, { ...QUICK, cache: false });
    await fetchModel(root, dev);
    const { model } = (await dev.server.ssrLoadModule('/src/model.js')) as { model: QuantizedModel };
    const file = fileURLToPath(model.variants[0]!.url);
    expect(readFileSync(file).length).toBe(model.variants[0]!.bytes);
    await dev.server.close();
    expect(existsSync(file)).toBe(false);
    rmSync(join(root, 'm.onnx'));
  });
});
