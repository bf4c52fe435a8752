import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import quantize from 'unplugin-quantize/vite';
import { createServer } from 'vite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BUNDLER_NAMES, BUNDLERS } from './bundlers.ts';
import { makeProject, QUICK, recordingLogger, viteBuild } from './support.ts';

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');

const MAIN = `
  import vad from './vad.onnx?quantize';
  import direction from './ocr/m.onnx?exclude=x&quantize=fp16';
  import url from './vad.onnx?quantize&url';
  globalThis.found = [vad, direction, url];`;

const CHECKED = `
  import vad from './vad.onnx?quantize';
  import direction from './ocr/m.onnx?exclude=x&quantize=fp16';
  import other from './other.onnx?quantize';
  import url from './vad.onnx?quantize&url';
  import { createSession } from 'unplugin-quantize/runtime';
  import { Tensor } from 'onnxruntime-web';

  const session = await createSession(vad);
  const input = new Tensor('float32', new Float32Array(512), [1, 512]);
  const state = new Tensor('float32', new Float32Array(256), [2, 1, 128]);
  const sr = new Tensor('int64', BigInt64Array.of(16000n), []);
  const { output, stateN } = await session.run({ input, state, sr });
  export const speech: number = output.data[0]! + stateN.data[0]!;
  export const { output: alone } = await session.run({ input, state, sr }, ['output'], { logSeverityLevel: 3 });
  export const backend: string = session.backend;
  await session.release();
  // @ts-expect-error no such input
  await session.run({ imput: input, state, sr });
  // @ts-expect-error an input is missing
  await session.run({ input, state });
  // @ts-expect-error another type of elements
  await session.run({ input, state, sr: state });
  // @ts-expect-error no such output
  (await session.run({ input, state, sr })).result;
  // @ts-expect-error no such output
  await session.run({ input, state, sr }, ['result']);

  const pixels = new Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]);
  const answer = await (await createSession(direction)).run({ x: pixels });
  export const score: Float32Array = Object.values(answer)[0]!.data;
  const height: 3 | undefined = (null as unknown as NonNullable<NonNullable<typeof direction.signature>>).inputs.x.dims[1];
  // @ts-expect-error no such input
  await (await createSession(direction)).run({ y: pixels });

  // What is not declared, and a bare URL, are as before.
  export const anything = (await (await createSession(other)).run({ any: input }))['thing'];
  export const name: string = url + height;
  await (await createSession(url)).run({ any: input });`;

const CONFIG = { compilerOptions: { target: 'es2022', module: 'esnext', moduleResolution: 'bundler', strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: false, lib: ['es2022', 'dom'], types: ['unplugin-quantize/client'] }, include: ['*.ts'] };

const project = (): string => makeProject({ 'main.js': MAIN, 'index.html': '<script type="module" src="./main.js"></script>' }, { 'vad.onnx': 'silero', 'ocr/m.onnx': 'ocrDirection' });

describe('dts', () => {
  it('makes wrong names and types of inputs and outputs errors of the compiler', async () => {
    const root = project();
    await viteBuild(root, {}, { ...QUICK, dts: true });
    writeFileSync(join(root, 'checked.ts'), CHECKED);
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(CONFIG));
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', root], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });

  it('is the same in all bundlers', async () => {
    const texts = new Set<string>();
    for (const name of BUNDLER_NAMES) {
      const root = project();
      await BUNDLERS[name](root, { platform: 'browser', format: 'esm', options: { ...QUICK, report: false, dts: 'types/models.d.ts' } });
      texts.add(readFileSync(join(root, 'types/models.d.ts'), 'utf8'));
    }
    expect([...texts]).toHaveLength(1);
    expect([...texts][0]).toContain('declare module "*/ocr/m.onnx?exclude=x&quantize=fp16" {');
  });

  it('grows in a dev server', async () => {
    const root = project();
    const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize({ ...QUICK, dts: true })], server: { host: 'localhost', port: 0 } });
    onTestFinished(() => server.close());
    await server.ssrLoadModule('/main.js');
    await vi.waitFor(() => expect(readFileSync(join(root, 'quantize.d.ts'), 'utf8')).toContain('declare module "*/vad.onnx?quantize"'), 10_000);
  });
});
