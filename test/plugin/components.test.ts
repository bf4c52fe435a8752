import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import quantize from 'unplugin-quantize/vite';
import { createServer, type PluginOption } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { models } from '../support/models.ts';
import { hashOfFile, importBuilt, listFiles, makeProject, onnxFiles, QUICK, recordingLogger, sha256, viteBuild } from './support.ts';

const URL_OF = "new URL('./m.onnx?quantize', import.meta.url)";
const FRAMEWORKS: Record<string, { plugin: () => PluginOption; files: Record<string, string> }> = {
  Vue: {
    plugin: () => vue(),
    files: {
      'App.vue': `<script lang="ts">export const href: string = ${URL_OF}.href;</script>\n<script setup lang="ts">\nimport { ref } from 'vue';\nconst other = ref<string>(${URL_OF}.href);\n</script>\n<template><a :href="other">model</a></template>\n`,
      'main.js': "import App, { href } from './App.vue'; import { createSSRApp } from 'vue'; export { href }; export const app = createSSRApp(App);",
    },
  },
  Svelte: {
    plugin: () => svelte({ configFile: false }),
    files: {
      'App.svelte': `<script module lang="ts">export const href: string = ${URL_OF}.href;</script>\n<script>let other = $state(${URL_OF}.href);</script>\n<a href={other}>model</a>\n`,
      'main.js': "import App, { href } from './App.svelte'; export { href, App };",
    },
  },
};

describe.each(Object.entries(FRAMEWORKS))('components of %s', (_, { plugin, files }) => {
  const project = (): string => makeProject({ ...files, 'tsconfig.json': '{}', 'index.html': '<script type="module" src="/main.js"></script>' }, { 'm.onnx': 'ocrDirection' });
  const options = { ...QUICK, report: false as const };
  const source = hashOfFile(models.ocrDirection);

  it('name models in builds for browsers and servers', async () => {
    const root = project();
    const client = await viteBuild(root, { plugins: [plugin()] }, options);
    expect(onnxFiles(client)).toHaveLength(1);
    const code = client.files.filter((file) => file.endsWith('.js')).map((file) => readFileSync(join(client.outDir, file), 'utf8')).join('');
    expect(code).toContain(`/${onnxFiles(client)[0]}`);
    expect(code).not.toMatch(/URL\(['"`]\.\/m\.onnx/);
    const server = await viteBuild(root, { plugins: [plugin()], build: { ssr: 'main.js', outDir: join(root, 'server') }, ssr: { noExternal: true } }, options);
    const { href } = await importBuilt<{ href: string }>(join(root, 'server/main.js'));
    const artefact = hashOfFile(new URL(href));
    expect(artefact).toBe(hashOfFile(join(client.outDir, onnxFiles(client)[0]!)));
    expect(artefact).not.toBe(source);
    expect(listFiles(join(root, 'server')).filter((file) => file.endsWith('.onnx'))).toHaveLength(1);
    expect(server.lines.filter((line) => /warn/i.test(line))).toEqual([]);
  });

  it('name models in the dev server', async () => {
    const root = project();
    const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize(options), plugin()], server: { host: 'localhost', port: 0 } });
    onTestFinished(() => server.close());
    await server.listen();
    const { port } = server.httpServer!.address() as { port: number };
    const { href } = (await server.ssrLoadModule('/main.js')) as { href: string };
    const component = await server.environments.client.transformRequest(Object.keys(files)[0]!.replace(/^/, '/'));
    expect(component!.code).toMatch(/__quantized_0/);
    const module = await server.environments.client.transformRequest('/m.onnx?quantize&url');
    const path = JSON.parse(/export default (".*?")/.exec(module!.code)![1]!) as string;
    const bytes = new Uint8Array(await (await fetch(`http://localhost:${port}${path}`)).arrayBuffer());
    expect(sha256(bytes)).toBe(hashOfFile(new URL(href)));
  });
});
