import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBytes, buildGraph, floats, rawBool, type ModelParts } from '../../../../../test/support/build-model.ts';
import { weight } from '../../../../../test/support/integer-arithmetic.ts';
import { hasShared, models } from '../../../../../test/support/models.ts';
import { locateSamples } from '../../calibrate/index.ts';
import { findEngines, type FoundEngines } from '../../evaluate/index.ts';
import { makeNode } from '../../graph/index.ts';
import { bytesSource } from '../../onnx/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import type { Observed } from '../../quantize/index.ts';
import type { EngineName } from '../../types.ts';
import { quantizeToFile } from './artefact.ts';
import { calibrateModel, type CalibrateTask, type OnProgress } from './calibrate.ts';
import { readObservation } from '../cache/observed-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'calibrate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Products around a square root, which makes NaN of negative numbers. */
const layers: ModelParts = {
  nodes: [
    makeNode('MatMul', ['x', 'q'], ['a'], {}, { name: 'first' }), makeNode('Relu', ['a'], ['r']),
    makeNode('Sqrt', ['x'], ['u'], {}, { name: 'root' }), makeNode('Add', ['r', 'u'], ['s'], {}, { name: 'sum' }),
    makeNode('MatMul', ['s', 'w'], ['y'], {}, { name: 'second' }),
  ],
  initializers: { q: weight([64, 64]), w: weight([64, 64], 4) },
  inputs: { x: 'float32[B,64]' }, outputs: { y: 'float32[B,64]' },
};

/** A module of its own each time: Node keeps those that it has loaded. */
let modules = 0;
function samplesModule(body: string): CalibrateTask['calibration'] {
  const name = `samples${modules++}.mjs`;
  writeFileSync(join(folder, name), `export default function* () { ${body} }`);
  return locateSamples(name, folder);
}

/** Samples of which the i-th is all `values[i]` in one row, or in as many rows as `rows` says. */
function task(values: readonly number[], options: Partial<CalibrateTask> = {}, rows = 1): CalibrateTask {
  const source = join(folder, 'm.onnx');
  writeFileSync(source, buildBytes(layers));
  const samples = values.map((value) => `{ x: { data: new Float32Array(${rows * 64}).fill(${value}), dims: [${rows}, 64] } }`);
  const plan = { observes: 'activations', method: 'minmax', calibration: samplesModule(samples.map((sample) => `yield ${sample};`).join(' ')), sampleLimit: 100 } as const;
  return { ...plan, name: 'm', source, options: { ...MODEL_DEFAULTS, format: 'int8-static' }, out: join(folder, 'observed.bin'), ...options };
}

async function only(engine: EngineName): Promise<FoundEngines> {
  const found = await findEngines();
  return { engines: found.engines.filter(({ name }) => name === engine), missing: [] };
}

async function calibrate(given: CalibrateTask, onProgress?: OnProgress, engines?: Promise<FoundEngines>): Promise<Observed & { notes: string[] }> {
  await calibrateModel(given, onProgress, engines);
  return readObservation(bytesSource(readFileSync(given.out)));
}

const GPTQ: Partial<CalibrateTask> = { observes: 'products', options: { ...MODEL_DEFAULTS, format: 'int4', algorithm: 'gptq' } };

describe.each(['onnxruntime-node', 'onnxruntime-web'] as const)('samples run in %s', (engine) => {
  it('tell the ranges of activations', async () => {
    const { statistics, notes } = await calibrate(task([0.25, 4, 1, 1, 1, 1, 1, 1]), undefined, only(engine));
    expect(statistics!.get('x')).toMatchObject({ min: 0.25, max: 4, elements: 64 });
    expect(notes).toEqual([]);
    expect(readdirSync(folder).filter((name) => !name.startsWith('samples'))).toEqual(['m.onnx', 'observed.bin']);
  });

  it('tell sums of outer products', async () => {
    const { hessians } = await calibrate(task([1, 2, 3], GPTQ), undefined, only(engine));
    expect(hessians!.get('q')).toEqual(new Float64Array(64 * 64).fill(14));
    expect(hessians!.get('w')![0]).toBeGreaterThan(0);
  });
});

describe('samples for reconstruction', () => {
  const reconstruct: Partial<CalibrateTask> = { options: { ...MODEL_DEFAULTS, format: 'int8-static', equalize: false, reconstruct: true } };

  it('tell ranges and sums of outer products at once', async () => {
    const { statistics, hessians } = await calibrate(task([1, 2, 3], reconstruct));
    expect(statistics!.get('x')).toMatchObject({ min: 1, max: 3 });
    expect(hessians!.get('q')).toEqual(new Float64Array(64 * 64).fill(14));
    expect((await calibrate(task([1, 2, 3], { out: join(folder, 'other.bin') }))).hessians).toBeUndefined();
  });

  it('make another artefact of the same size', async () => {
    const given = task([1, 0.3, 4, 0.2, 2, 5, 1.5, 3], reconstruct);
    await calibrateModel(given);
    const make = (name: string, options: Partial<CalibrateTask['options']>): ReturnType<typeof quantizeToFile> =>
      quantizeToFile({ path: given.source, name: 'm', options: { ...given.options, ...options }, observed: given.out, out: join(folder, name) });
    const [nearest, reconstructed] = [make('nearest.onnx', { reconstruct: false }), make('reconstructed.onnx', {})];
    expect(reconstructed.bytes).toBe(nearest.bytes);
    expect(reconstructed.sha256).not.toBe(nearest.sha256);
  });

  it('are not kept by int8 where it does without', async () => {
    const found = await calibrate(task([1, 2, 3], { options: { ...MODEL_DEFAULTS, format: 'int8', reconstruct: true } }));
    expect([found.hessians, found.notes]).toEqual([undefined, []]);
  });

  it('are refused where squares of activations are infinite', async () => {
    await expect(calibrate(task([1, 1e25], reconstruct))).rejects.toMatchObject({ code: 'SAMPLES_INVALID', what: expect.stringMatching(/^In sample 1 the tensor "input of q" has/) });
  });
});

describe('calibrateModel', () => {
  it('makes an artefact that GPTQ chose, and tells its notes', async () => {
    const given = task([1, 2, 3], GPTQ);
    await calibrateModel(given);
    const make = (name: string, observed?: string): ReturnType<typeof quantizeToFile> => quantizeToFile({ path: given.source, name: 'm', options: given.options, observed, out: join(folder, name) });
    const [alone, together] = [make('alone.onnx'), make('together.onnx', given.out)];
    expect(together.bytes).toBe(alone.bytes);
    expect(together.sha256).not.toBe(alone.sha256);
    expect(together.notes).toEqual(['Calibrated on 3 samples only: give at least 8, better 100, of the kind that users will have.', ...alone.notes]);
  });

  it('tells how far it has come, and takes no more samples than the limit', async () => {
    const told: number[][] = [];
    await calibrate(task([1, 2, 3, 4], { sampleLimit: 3 }), (done, of) => told.push([done, of]));
    expect(told).toEqual([[1, 3], [2, 3], [3, 3]]);
  });

  it.each([[1, 'one sample only'], [7, '7 samples only']])('notes that it saw %i rows', async (rows, text) => {
    expect((await calibrate(task([1], {}, rows))).notes).toEqual([expect.stringContaining(text)]);
  });

  it('counts the rows of a batch as samples', async () => expect((await calibrate(task([1], {}, 8))).notes).toEqual([]));

  it('refuses activations that are not finite, naming tensor, node and sample', async () => {
    await expect(calibrate(task([1, 2, -1]))).rejects.toMatchObject({ code: 'SAMPLES_INVALID', model: 'm', node: expect.stringMatching(/^(root|sum|second)$/), what: expect.stringMatching(/^In sample 2 the tensor "[usy]" has values that are NaN or infinite/) });
    await expect(calibrate(task([1, -1], GPTQ))).rejects.toMatchObject({ code: 'SAMPLES_INVALID', what: expect.stringMatching(/^In sample 1 the tensor "input of w" has/) });
    expect(existsSync(join(folder, 'observed.bin'))).toBe(false);
  });

  it('takes activations that are always the same', async () => {
    const { statistics } = await calibrate(task([0, 0, 0, 0, 0, 0, 0, 0]));
    expect(statistics!.get('x')).toMatchObject({ min: 0, max: 0 });
  });

  it('refuses a sample that does not fit, and one that fails, by its number', async () => {
    const given = task([1, 2]);
    const after = (body: string): CalibrateTask => ({ ...given, calibration: samplesModule(`yield { x: { data: new Float32Array(64), dims: [1, 64] } }; ${body}`) });
    await expect(calibrate(after('yield { x: { data: new Float32Array(63), dims: [1, 63] } };'))).rejects.toThrow(/Sample 1 does not fit the input "x"/);
    await expect(calibrate(after("throw new Error('out of tea');"))).rejects.toThrow(/sample 1: out of tea/);
    expect(readdirSync(folder).filter((name) => !name.startsWith('samples'))).toEqual(['m.onnx']);
  });

  it('refuses no samples, and no engine', async () => {
    await expect(calibrate(task([]))).rejects.toMatchObject({ code: 'SAMPLES_INVALID' });
    const none: FoundEngines = { engines: [], missing: [{ engine: 'onnxruntime-node', reason: 'not installed' }] };
    await expect(calibrate(task([1]), undefined, Promise.resolve(none))).rejects.toThrow(/Samples cannot be run without an engine \(onnxruntime-node: not installed\)/);
  });
});

describe('bodies of Loop', () => {
  const looping: ModelParts = {
    nodes: [makeNode('Loop', ['n', 'go', 'x'], ['y'], { body: buildGraph({
      nodes: [makeNode('Identity', ['cond'], ['next']), makeNode('Sqrt', ['s'], ['r'], {}, { name: 'root' }), makeNode('MatMul', ['r', 'w'], ['z'])],
      initializers: { w: floats([16, 16], Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 4 : 0))) }, inputs: { i: 'int64[]', cond: 'bool[]', s: 'float32' }, outputs: { next: 'bool', z: 'float32' },
    }) }, { name: 'loop' })],
    initializers: { go: rawBool(true) }, inputs: { x: 'float32[1,16]', n: 'int64[]' }, outputs: { y: 'float32' },
  };
  function loops(runs: readonly [value: number, times: number][], method: CalibrateTask['method'] = 'mse'): CalibrateTask {
    const samples = runs.map(([value, times]) => `yield { x: { data: new Float32Array(16).fill(${value}), dims: [1, 16] }, n: { data: BigInt64Array.of(${times}n), dims: [] } };`);
    const given = { ...task([]), method, calibration: samplesModule(samples.join(' ')) };
    writeFileSync(given.source, buildBytes(looping));
    return given;
  }

  it('are watched over all iterations and samples, those aside that never came there', async () => {
    // 1 becomes 4 becomes 8: roots of 1, 4 and 8 are multiplied; the third sample runs no iteration.
    const { statistics } = await calibrate(loops([[1, 3], [1, 1], [1e6, 0]]));
    expect(statistics!.get('loop/body/r')).toEqual({ min: 1, max: Math.fround(Math.sqrt(8)) });
    const { statistics: averaged } = await calibrate({ ...loops([[1, 2], [1, 1]], 'moving-average'), out: join(folder, 'averaged.bin') });
    expect(averaged!.get('loop/body/r')).toEqual({ min: 1, max: 2 + 0.01 * (1 - 2) });
  });

  it.each([[-1, 'NaN'], [Infinity, 'infinite']])('refuse %d, naming the node inside: %s', async (value) => {
    await expect(calibrate(loops([[1, 2], [value, 1]]))).rejects.toMatchObject({ code: 'SAMPLES_INVALID', node: 'loop/body/root', message: expect.stringContaining('In sample 1 the tensor "loop/body/r"') });
  });
});

describe('int8, which can do without', () => {
  const int8 = { options: { ...MODEL_DEFAULTS, format: 'int8' } } as const;

  it('runs one sample of a model without convolutions, and says nothing', async () => {
    let told = 0;
    const { notes } = await calibrate(task([1, 2, 3], int8), () => told++);
    expect([told, notes]).toEqual([1, []]);
  });

  it('only notes that activations have no range', async () => {
    const given = task([-1, 1], int8);
    const { notes, statistics } = await calibrate(given);
    expect(statistics).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/^No fixed scales: In sample 0 the tensor "[usy]" has values that are NaN/)]);
    const { report } = { report: quantizeToFile({ path: given.source, name: 'm', options: given.options, observed: given.out, out: join(folder, 'a.onnx') }) };
    expect(report.notes).toContain(notes[0]);
  });
});

describe.skipIf(!hasShared)('a sentence model', () => {
  it('takes sentences of any length with every method', async () => {
    const calibration = samplesModule(`for (const length of [5, 17, 9, 3, 30, 11, 8, 2]) {
      const dims = [1, length];
      yield { input_ids: { data: BigInt64Array.from({ length }, (_, i) => BigInt(1000 + 37 * i * length % 20000)), dims }, attention_mask: { data: new BigInt64Array(length).fill(1n), dims } };
    }`);
    const given = { ...task([]), calibration };
    for (const method of ['entropy', 'percentile'] as const) {
      const { statistics } = await calibrate({ ...given, method, source: models.sentiment, out: join(folder, method) });
      expect(statistics!.size).toBeGreaterThan(20);
      for (const { min, max } of statistics!.values()) expect(min).toBeLessThanOrEqual(max);
    }
  });
});
