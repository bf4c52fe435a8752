import { copyFileSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import { createBuilder, createServer } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { models } from '../support/models.ts';
import { BUNDLERS, type BundlerName } from './bundlers.ts';
import { importBuilt, makeProject, QUICK, recordingLogger } from './support.ts';

const MODELS = 50;
const MODULES = 200;

/** 50 models of different content, of which each of 200 modules imports four, in three spellings. */
function monorepo(): string {
  const root = makeProject({});
  const bytes = readFileSync(models.ocrDirection);
  mkdirSync(join(root, 'models'));
  mkdirSync(join(root, 'modules'));
  // A producer's name of another length: `producer_version` is field 3 of ModelProto.
  for (let i = 0; i < MODELS; i++) writeFileSync(join(root, `models/${i}.onnx`), Buffer.concat([bytes, Buffer.from([0x1a, 2, 0x30 + Math.floor(i / 10), 0x30 + (i % 10)])]));
  for (let i = 0; i < MODULES; i++) {
    const specifiers = [0, 1, 2, 3].map((j) => `../models/${(i * 4 + j) % MODELS}.onnx${['?quantize', '?quantize=int8', '?block=32&quantize'][(i + j) % 3]}`);
    writeFileSync(join(root, `modules/${i}.js`), `${specifiers.map((specifier, j) => `import m${j} from '${specifier}';`).join('\n')}\nexport default [m0, m1, m2, m3];`);
  }
  const imports = Array.from({ length: MODULES }, (_, i) => `import a${i} from './modules/${i}.js';`);
  writeFileSync(join(root, 'main.js'), `${imports.join('\n')}\nexport default [${Array.from({ length: MODULES }, (_, i) => `...a${i}`).join(', ')}];`);
  return root;
}

/** Counts the artefacts that are made: each is written into a folder of its own first, also one that turns out to be there already. */
function countWork(root: string): () => Promise<number> {
  const folder = join(root, 'cache/tmp');
  mkdirSync(folder, { recursive: true });
  const drafts = new Set<string>();
  const watcher = watch(folder, (_, name) => void (name !== null && UUID.test(name) && drafts.add(name)));
  onTestFinished(() => watcher.close());
  return async () => {
    await sleep(100);
    return drafts.size;
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

describe('50 models that 200 modules import', () => {
  it.each<BundlerName>(['vite', 'webpack'])('are quantized once each by %s', async (name) => {
    const root = monorepo();
    const made = countWork(root);
    const { main, files } = await BUNDLERS[name](root, { platform: 'node', format: 'esm', options: { ...QUICK, report: 'report.json', cache: join(root, 'cache') } });
    const { default: found } = await importBuilt<{ default: QuantizedModel[] }>(main);
    expect(found).toHaveLength(MODULES * 4);
    expect(new Set(found.map((model) => model.source.hash)).size).toBe(MODELS);
    expect(await made()).toBe(MODELS);
    expect(new Set(files.filter((file) => file.endsWith('.onnx'))).size).toBe(new Set(found.map((model) => model.hash)).size);
    const report = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')) as { models: { name: string }[] };
    expect(new Set(report.models.map((model) => model.name)).size).toBe(MODELS);
  });
});

describe('a model that client and server import', () => {
  const FILES = { 'index.html': '<script type="module" src="./client.js"></script>', 'client.js': "import m from './m.onnx?quantize'; globalThis.found = m;", 'server.js': "export { default } from './m.onnx?quantize';" };

  it('is quantized once in an app of two environments', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    const made = countWork(root);
    const builder = await createBuilder({
      root,
      configFile: false,
      customLogger: recordingLogger().logger,
      builder: {},
      plugins: [quantize({ ...QUICK, cache: join(root, 'cache') })],
      environments: { client: { build: { outDir: 'dist/client' } }, ssr: { build: { outDir: 'dist/server', ssr: 'server.js' } } },
    });
    await builder.buildApp();
    expect(await made()).toBe(1);
  });

  it('is quantized once in a dev server that both ask at the same time', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    const made = countWork(root);
    const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize({ ...QUICK, cache: join(root, 'cache') })], server: { middlewareMode: true }, appType: 'custom' });
    onTestFinished(() => server.close());
    const [loaded, transformed] = await Promise.all([server.ssrLoadModule('/server.js'), server.environments.client.transformRequest('/m.onnx?quantize')]);
    expect(transformed!.code).toContain((loaded as { default: QuantizedModel }).default.hash);
    expect(await made()).toBe(1);
    copyFileSync(join(root, 'm.onnx'), join(root, 'copy.onnx'));
    await server.ssrLoadModule('/copy.onnx?quantize');
    expect(await made()).toBe(1);
  });
});
