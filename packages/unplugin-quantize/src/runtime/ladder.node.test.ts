import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeCanary, quantizedModel, tolerances, variantOf } from '../../../../test/support/canary.ts';
import { models } from '../../../../test/support/models.ts';
import type { Canary, ModelVariant } from '../types.ts';
import type * as Runtime from './index.node.ts';
import type { CreateSessionOptions, Fallback } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'runtime-ladder-'));
const verdictsFile = join(folder, 'verdicts.json');
const feeds = { x: new ort.Tensor('float32', Float32Array.from({ length: 3 * 48 * 96 }, (_, i) => Math.sin(i / 9)), [1, 3, 48, 96]) };

/** Two engines that add in another order differ by rounding errors of sums of at most 2000 products of size 1, layer by layer. */
const TOLERANCE = { absolute: 1e-4, relative: 1e-4 };

let canary: Canary;
let output = '';
beforeAll(async () => {
  vi.stubEnv('UNPLUGIN_QUANTIZE_CACHE', folder);
  canary = await makeCanary(models.ocrDirection, feeds);
  output = Object.keys(canary.outputs)[0]!;
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** The runtime as a new process has it. */
let runtime: typeof Runtime;
beforeEach(async () => {
  rmSync(verdictsFile, { force: true });
  vi.resetModules();
  runtime = await import('./index.node.ts');
});

const model = (more: Partial<ModelVariant> = {}, own: Canary | null = canary) =>
  quantizedModel('direction', [variantOf(models.ocrDirection, models.ocrDirection, { target: 'node', tolerance: tolerances(canary, TOLERANCE), ...more })], own);

/** The canary with zeros in the place of its reference. */
const wrongCanary = (): Canary => {
  const right = canary.outputs[output]!;
  const zeros = Buffer.alloc(Buffer.from(right.data, 'base64').length).toString('base64');
  return { ...canary, outputs: { [output]: { ...right, data: zeros } } };
};

async function open(options: CreateSessionOptions = {}, of = model()) {
  const fallbacks: Fallback[] = [];
  const session = await runtime.createSession(of, { onFallback: (fallback) => fallbacks.push(fallback), onWarning: expect.unreachable, ...options });
  return { session, fallbacks };
}

const stored = (): [string, { wrong: string | null; time?: number }][] => JSON.parse(readFileSync(verdictsFile, 'utf8')) as [];

describe('the ladder in Node', () => {
  it('takes the CPU where there is no NVIDIA driver, without a word but to those who ask', async () => {
    const warnings: string[] = [];
    const { backend } = await runtime.createSession(model(), { onWarning: (message) => warnings.push(message) });
    expect([backend, warnings]).toEqual(['cpu', []]);
    expect((await open()).fallbacks).toEqual([{ backend: 'cuda', reason: expect.stringContaining('no artefact for GPUs') }]);
    const both = model();
    both.variants.push({ ...both.variants[0]!, target: 'node-cuda' });
    expect((await open({}, both)).fallbacks).toEqual([{ backend: 'cuda', reason: expect.stringContaining('no NVIDIA driver') }]);
  });

  it('goes on in one clear line where CUDA was asked for and its libraries are missing', async () => {
    const warnings: string[] = [];
    const { backend } = await runtime.createSession(model(), { backends: ['cuda', 'cpu'], onWarning: (message) => warnings.push(message) });
    expect(backend).toBe('cpu');
    expect(warnings).toEqual([expect.stringMatching(/^The cuda backend is not used: the CUDA libraries of onnxruntime-node are not there/)]);
    await expect(runtime.createSession(model(), { backends: ['cuda'] })).rejects.toMatchObject({ code: 'ENGINE_MISSING' });
  });

  it('goes on where WebGPU was asked for and there is no adapter', async () => {
    const { session, fallbacks } = await open({ backends: ['webgpu', 'cpu'] });
    expect(session.backend).toBe('cpu');
    expect(fallbacks).toEqual([{ backend: 'webgpu', reason: expect.stringMatching(/WebGPU|adapter/i) }]);
  });

  it('runs on onnxruntime-web, with the same answers', async () => {
    const { session } = await open({ backends: ['wasm'] });
    expect(session.backend).toBe('wasm');
    const { session: native } = await open({ backends: ['cpu'] });
    const [found, expected] = [await session.run(feeds), await native.run(feeds)].map((results) => results[output]?.data as Float32Array);
    for (const [i, value] of expected!.entries()) expect(Math.abs(found![i]! - value)).toBeLessThanOrEqual(TOLERANCE.absolute + TOLERANCE.relative * Math.abs(value));
    await session.dispose();
    await expect(session.run(feeds)).rejects.toMatchObject({ code: 'SESSION_RELEASED' });
  });

  it('refuses unknown backends', async () => {
    await expect(runtime.createSession(model(), { backends: ['wasm-threads'] })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });

  it('answers calls that overlap, and ends after them', async () => {
    const { session } = await open();
    const calls = Array.from({ length: 5 }, () => session.run(feeds));
    const released = session.release();
    const answers = await Promise.all(calls);
    await released;
    for (const answer of answers) expect(answer[output]?.data).toEqual(answers[0]?.[output]?.data);
    await expect(session.release()).resolves.toBeUndefined();
  });
});

describe('the canary in Node', () => {
  it('runs once and is remembered in a file, by artefact, backend and version', async () => {
    await open();
    const [[key, verdict], ...others] = stored() as [[string, object]];
    expect(others).toEqual([]);
    expect(verdict).toEqual({ wrong: null });
    for (const part of [model().hash, 'cpu', 'onnxruntime-node', ort.env.versions.node]) expect(key.split('|')).toContain(part);
    writeFileSync(verdictsFile, JSON.stringify([[key, { wrong: 'it said so' }]]));
    vi.resetModules();
    runtime = await import('./index.node.ts');
    const { session, fallbacks } = await open();
    expect(session.backend).toBe('wasm');
    expect(fallbacks[1]).toEqual({ backend: 'cpu', reason: expect.stringContaining('before: it said so') });
    expect(stored()).toHaveLength(2);
  });

  it('refuses every backend when the answers are wrong, and names the place', async () => {
    const wrong = model({}, wrongCanary());
    const first = await open({}, wrong).catch((error: unknown) => error);
    expect(first).toMatchObject({ code: 'WRONG_ANSWER', message: expect.stringMatching(/output ".+" of the canary is \S+ in place of 0 at element 0/) });
    expect(stored().map(([, { wrong }]) => typeof wrong)).toEqual(['string', 'string']);
    // It would be in vain to try again.
    await expect(open({}, wrong)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
    // Another reference is another question.
    expect((await open()).session.backend).toBe('cpu');
  });

  it.each([
    ['the option says so', { canary: false }, undefined],
    ['the model has none', {}, null],
    ['the variant has no tolerance', {}, 'no tolerance'],
  ] as const)('is left out where %s', async (_, options, kind) => {
    const { tolerance: __, ...bare } = model().variants[0]!;
    const of = kind === 'no tolerance' ? { ...model({}, wrongCanary()), variants: [bare] } : model({}, kind === null ? null : wrongCanary());
    expect((await open(options, of)).session.backend).toBe('cpu');
    expect(existsSync(verdictsFile)).toBe(false);
  });

  it('works without a place to remember', async () => {
    vi.stubEnv('UNPLUGIN_QUANTIZE_CACHE', models.ocrDirection);
    expect((await open()).session.backend).toBe('cpu');
    vi.stubEnv('UNPLUGIN_QUANTIZE_CACHE', folder);
  });

  it('is timed on request; the fastest right backend is taken and remembered', async () => {
    const { session } = await open({ prefer: 'speed' });
    const times = stored().map(([key, { wrong, time }]) => [key.split('|')[1], wrong, typeof time]);
    expect(times).toEqual([
      ['cpu', null, 'number'],
      ['wasm', null, 'number'],
    ]);
    const [cpu, wasm] = stored().map(([, { time }]) => time!);
    expect(session.backend).toBe(cpu! <= wasm! ? 'cpu' : 'wasm');
    // What is remembered decides the next time.
    const turned = stored().map(([key]) => [key, { wrong: null, time: key.includes('|wasm|') ? 1 : 2 }]);
    writeFileSync(verdictsFile, JSON.stringify(turned));
    vi.resetModules();
    runtime = await import('./index.node.ts');
    expect((await open({ prefer: 'speed' })).session.backend).toBe('wasm');
    expect(stored()).toEqual(turned);
  });
});

describe('files in Node', () => {
  it('may be compressed and cut', async () => {
    const packed = gzipSync(readFileSync(models.ocrDirection));
    const [whole, first, second] = ['m.gz', 'm.0', 'm.1'].map((name) => join(folder, name)) as [string, string, string];
    writeFileSync(whole, packed);
    writeFileSync(first, packed.subarray(0, 1000));
    writeFileSync(second, packed.subarray(1000));
    const parts = [
      { url: first, bytes: 1000 },
      { url: second, bytes: packed.length - 1000 },
    ];
    for (const form of [{ url: whole }, { url: first, parts }]) {
      const { session } = await open({}, model({ ...form, encoding: 'gzip', transferBytes: packed.length }));
      expect(Object.keys(await session.run(feeds))).toEqual([output]);
    }
  });
});
