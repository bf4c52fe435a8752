import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { distFolder } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { serveFolder } from '../support/static-server.ts';
import { BUNDLER_NAMES, BUNDLERS, type BundlerName, type Output, type Settings } from './bundlers.ts';
import { hashOfFile, importBuilt, makeProject, NAMES, QUICK, withoutUrls } from './support.ts';

const ENTRY = `
  import model from './m.onnx?quantize';
  import url from './m.onnx?quantize=fp16-storage&url';
  import again from './lib/again.js';
  globalThis.found = { model, url, again: again === model };
  export { model, url, again };`;
const FILES = { 'main.js': ENTRY, 'lib/again.js': "export { default } from '../m.onnx?quantize';" };

interface Exports {
  model: QuantizedModel;
  again: QuantizedModel;
  url: string;
}

let folder: string;
/** Of a cache that all but the first builds share. */
let shared: Options;
/** Hash of what the command line makes of the model. */
let artefact: string;
/** The model as Vite gives it. */
let facts: unknown;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'matrix-'));
  shared = { ...QUICK, cache: join(folder, 'cache'), report: false };
  const out = join(folder, 'cli.onnx');
  const { status, stderr } = spawnSync(process.execPath, [join(distFolder, 'cli/main.js'), 'quantize', models.ocrDirection, '-o', out, '--no-verify'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  artefact = hashOfFile(out);
  const root = join(folder, 'project');
  mkdirSync(join(root, 'lib'), { recursive: true });
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(root, name), text);
  copyFileSync(models.ocrDirection, join(root, 'm.onnx'));
  const settings: Settings = { platform: 'node', format: 'esm', options: shared };
  facts = withoutUrls((await load<Exports>(await BUNDLERS.vite(root, settings), settings)).model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const project = (): string => makeProject(FILES, { 'm.onnx': 'ocrDirection' });

async function load<T>({ main }: Output, { format }: Settings): Promise<T> {
  const loaded = await importBuilt<T & { default: T }>(main);
  return format === 'cjs' ? loaded.default : loaded;
}

describe.each(BUNDLER_NAMES)('%s for Node', (name) => {
  it.each(['esm', 'cjs'] as const)('(%s) gives the file of the command line, and the facts of all bundlers', async (format) => {
    const settings: Settings = { platform: 'node', format, ...(format === 'cjs' && { options: shared }) };
    const { model, url, again } = await load<Exports>(await BUNDLERS[name](project(), settings), settings);
    expect(again).toBe(model);
    expect(model.hash).toBe(artefact);
    for (const variant of model.variants) expect(hashOfFile(new URL(variant.url))).toBe(artefact);
    expect(readFileSync(new URL(url)).length).toBeGreaterThan(model.variants[0]!.bytes);
    expect(withoutUrls(model)).toEqual(facts);
  });

  it('runs the model', async () => {
    const code = `
      import model from './m.onnx?quantize';
      import { createSession } from 'unplugin-quantize/runtime';
      const { Tensor } = await import('onnxruntime-node');
      const session = await createSession(model);
      const outputs = await session.run({ x: new Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) });
      console.log(JSON.stringify([session.backend, ...Object.values(outputs).map(({ dims }) => dims)]));`;
    const root = makeProject({ 'main.js': code }, { 'm.onnx': 'ocrDirection' });
    const { main, files } = await BUNDLERS[name](root, { platform: 'node', format: 'esm', options: shared });
    const { stdout, stderr, status } = spawnSync(process.execPath, [main], { encoding: 'utf8' });
    expect([status, stdout.trim(), stderr]).toEqual([0, '["cpu",[1,2]]', '']);
    expect(files.filter((file) => /\.(?:node|wasm)$/.test(file))).toEqual([]);
  });

  it('finds models whatever their folders and files are called, behind links and outside of the root', async () => {
    const outside = makeProject({}, { 'models/outside.onnx': 'ocrDirection' });
    const paths = [...NAMES.map((file) => `./${file}/${file}.onnx`), './link.onnx', './linked/outside.onnx', `../${basename(outside)}/models/outside.onnx`, join(outside, 'models/outside.onnx')];
    const imports = paths.map((path, i) => `import m${i} from ${JSON.stringify(`${path}?quantize`)};`);
    const code = `${imports.join('\n')}\nexport default [${paths.map((_, i) => `m${i}`).join(', ')}];`;
    const root = makeProject({ 'main.js': code }, Object.fromEntries(NAMES.map((file) => [`${file}/${file}.onnx`, 'ocrDirection' as const])));
    symlinkSync(join(outside, 'models/outside.onnx'), join(root, 'link.onnx'));
    symlinkSync(join(outside, 'models'), join(root, 'linked'));
    // Its own cache: esbuild reads artefacts below the root itself.
    const { main } = await BUNDLERS[name](root, { platform: 'node', format: 'esm', options: { ...QUICK, report: false } });
    const { default: found } = await importBuilt<{ default: QuantizedModel[] }>(main);
    // webpack and Rspack take a link for the file that it leads to.
    const names = paths.map((path) => basename(path === './link.onnx' && ['webpack', 'rspack'].includes(name) ? 'outside.onnx' : path));
    expect(found.map((model) => model.name)).toEqual(names);
    for (const model of found) expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(artefact);
  });

  it('gives the artefact the name that assets have', async () => {
    const { files } = await BUNDLERS[name](project(), { platform: 'node', format: 'esm', options: shared, assetNames: 'files/{name}.{hash}.{ext}' });
    const names = files.filter((file) => file.endsWith('.onnx'));
    expect(names).toHaveLength(2);
    for (const file of names) expect(file).toMatch(/^files\/m\.[\w-]{8,20}\.onnx$/);
  });
});

/** Bundlers that know no address of their output: it works wherever it lies. */
const WITHOUT_BASE: BundlerName[] = ['rollup', 'rolldown'];
const BASES = ['/', './', '/sub/', 'https://cdn.example/x/'];

describe.skipIf(chromiumPath === null).each(BUNDLER_NAMES)('%s for browsers', (name) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  /** Opens a page below `path` that loads the entry, and gives what it found, with the hash of what it downloaded. */
  async function open({ outDir, main }: Output, path: string, type: 'module' | 'text/javascript'): Promise<{ model: QuantizedModel; again: boolean; url: string; sha256: string }> {
    const script = main.slice(outDir.length + 1);
    writeFileSync(join(outDir, 'index.html'), `<!doctype html><link rel="icon" href="data:,"><body><script type="${type}" src="./${script}"></script>`);
    const server = await serveFolder(outDir, { base: path, headers: { 'Access-Control-Allow-Origin': '*' } });
    onTestFinished(() => server.close());
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    // The CDN serves the same folder.
    await page.route('https://cdn.example/x/**', (route) => route.fulfill({ path: join(outDir, decodeURIComponent(new URL(route.request().url()).pathname.slice('/x'.length))), headers: { 'Access-Control-Allow-Origin': '*' } }));
    await page.goto(server.origin + path);
    const answer = await page.evaluate(async () => {
      const { found } = globalThis as unknown as { found?: { model: QuantizedModel; again: boolean; url: string } };
      if (found === undefined) return undefined;
      const bytes = await (await fetch(found.model.variants[0]!.url)).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return { ...found, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
    });
    await page.close();
    if (answer === undefined) throw new Error(problems.join('\n') || 'The page found nothing.');
    return answer;
  }

  it.each(WITHOUT_BASE.includes(name) ? ['none'] : BASES)('publishes the artefact with base %s', async (base) => {
    const settings: Settings = { platform: 'browser', format: 'esm', options: shared, ...(base !== 'none' && { publicPath: base }) };
    const output = await BUNDLERS[name](project(), settings);
    const path = base === '/sub/' ? base : base === '/' ? base : '/any/where/';
    const { model, again, sha256, url } = await open(output, path, 'module');
    expect(sha256).toBe(artefact);
    expect(again).toBe(true);
    expect(withoutUrls(model)).toEqual(facts);
    expect(output.files.filter((file) => file.endsWith('.onnx'))).toHaveLength(2);
    expect(url.startsWith('https://cdn.example/x/')).toBe(base.startsWith('http'));
  });

  it.skipIf(name === 'vite')('publishes the artefact for a script that is no module', async () => {
    const { sha256 } = await open(await BUNDLERS[name](project(), { platform: 'browser', format: 'script', options: shared, ...(name === 'farm' && { publicPath: '/any/where/' }) }), '/any/where/', 'text/javascript');
    expect(sha256).toBe(artefact);
  });
});
