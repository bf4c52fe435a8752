import { join } from 'node:path';
import type { QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import { createServer } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hashOfFile, importBuilt, makeProject, NAMES, onnxFiles, recordingLogger, rollupBuild, QUICK, sha256, viteBuild } from './support.ts';

describe.each(NAMES)('a model in %j', (name) => {
  // The folder's name takes the same way as the file's.
  const path = `${name}/${name}.onnx`;
  const code = `import model from ${JSON.stringify(`./${path}?quantize`)}; export default model;`;
  const project = (): string => makeProject({ 'main.js': code }, { [path]: 'ocrDirection' });

  it('is found in builds', async () => {
    const root = project();
    const server = await viteBuild(root, { build: { ssr: 'main.js' } });
    const { default: model } = await importBuilt<{ default: QuantizedModel }>(join(server.outDir, 'main.js'));
    expect(model.name).toBe(`${name}.onnx`);
    expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(model.hash);

    const rollup = await rollupBuild(root);
    expect((await importBuilt<{ default: QuantizedModel }>(join(rollup.outDir, 'main.js'))).default.hash).toBe(model.hash);

    const rollupOptions = { input: join(root, 'main.js'), preserveEntrySignatures: 'strict' as const, output: { entryFileNames: 'client.js' } };
    const client = await viteBuild(root, { base: '/sub/', build: { rollupOptions } });
    const { default: inBrowser } = await importBuilt<{ default: QuantizedModel }>(join(client.outDir, 'client.js'));
    const { pathname } = new URL(inBrowser.variants[0]!.url, 'https://app.example/');
    expect(pathname).toMatch(/^\/sub\/assets\//);
    expect(hashOfFile(join(client.outDir, decodeURIComponent(pathname.slice('/sub'.length))))).toBe(model.hash);
    expect(onnxFiles(client)).toHaveLength(1);
  });

  it('is found in the dev server', async () => {
    const root = project();
    const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize(QUICK)], server: { host: 'localhost', port: 0 } });
    onTestFinished(() => server.close());
    await server.listen();
    const { port } = server.httpServer!.address() as { port: number };
    const origin = `http://localhost:${port}`;
    const main = await (await fetch(`${origin}/main.js`)).text();
    const [, imported] = /from "((?:[^"\\]|\\.)*)"/.exec(main)!;
    const module = await (await fetch(new URL(JSON.parse(`"${imported}"`) as string, origin))).text();
    const [, expression] = /const url0 = (".*");/.exec(module)!;
    const response = await fetch(origin + (JSON.parse(expression!) as string));
    expect(response.status).toBe(200);
    const { default: model } = (await server.ssrLoadModule('/main.js')) as { default: QuantizedModel };
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(model.hash);
  });
});
