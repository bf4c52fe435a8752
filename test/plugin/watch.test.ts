import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from 'rollup';
import type { QuantizedModel } from 'unplugin-quantize';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeVite from 'unplugin-quantize/vite';
import { build, type Rolldown } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { models } from '../support/models.ts';
import { hashOfFile, importBuilt, makeProject, QUICK, recordingLogger } from './support.ts';

type Start = (root: string, outDir: string, ended: (error?: unknown) => void) => Promise<void>;

const startRollup: Start = async (root, outDir, ended) => {
  const watcher = watch({ input: join(root, 'main.js'), plugins: [quantizeRollup({ ...QUICK, cache: join(root, 'cache'), report: false })], output: { dir: outDir }, onLog: () => undefined });
  watcher.on('event', (event) => {
    if ('result' in event) void event.result?.close();
    if (event.code === 'END') ended();
    if (event.code === 'ERROR') ended(event.error);
  });
  onTestFinished(() => watcher.close());
};

const startVite: Start = async (root, outDir, ended) => {
  const config = { root, configFile: false as const, customLogger: recordingLogger().logger, plugins: [quantizeVite({ ...QUICK, report: false })], build: { ssr: 'main.js', outDir, watch: {} } };
  const watcher = (await build(config)) as Rolldown.RolldownWatcher;
  watcher.on('event', (event) => {
    if (event.code === 'END') ended();
    if (event.code === 'ERROR') ended(event.error);
  });
  onTestFinished(() => watcher.close());
};

describe.each([['rollup', startRollup], ['vite', startVite]] as const)('%s that watches', (_, start) => {
  it('builds again when the model changes', async () => {
    const root = makeProject({ 'main.js': "export { default } from './m.onnx?quantize';" }, { 'm.onnx': 'ocrDirection' });
    const outDir = join(root, 'dist');
    const ends: unknown[] = [];
    await start(root, outDir, (error) => void ends.push(error));
    const current = async (): Promise<QuantizedModel> => {
      // A module is imported once only, so each build's is copied under a name of its own.
      const copy = join(outDir, `copy-${ends.length}.mjs`);
      copyFileSync(join(outDir, 'main.js'), copy);
      return (await importBuilt<{ default: QuantizedModel }>(copy)).default;
    };
    await until(() => ends.length > 0 && existsSync(join(outDir, 'main.js')));
    expect((await current()).source.hash).toBe(hashOfFile(models.ocrDirection));

    copyFileSync(models.silero, join(root, 'm.onnx'));
    let model = await current();
    for (let seen = 1; model.source.hash !== hashOfFile(models.silero); model = await current()) {
      await until(() => ends.length > seen);
      seen = ends.length;
    }
    expect(hashOfFile(new URL(model.variants[0]!.url))).toBe(model.hash);
    expect(ends.filter((error) => error !== undefined)).toEqual([]);
  });
});

/** Looks until the condition holds; the test's own time limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}
