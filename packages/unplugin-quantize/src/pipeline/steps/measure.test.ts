import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locateSamples } from '../../calibrate/index.ts';
import { models } from '../../../../../test/support/models.ts';
import { writeSplitModel } from '../../../../../test/support/split-model.ts';
import { findEngines, type FoundEngines } from '../../evaluate/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import type { EngineName, Format } from '../../types.ts';
import { quantizeToFile } from './artefact.ts';
import { readFacts } from '../facts.ts';
import { measureArtefact, type MeasureTask } from './measure.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'measure-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function taskFor(source: string, format: Format, plan: Partial<MeasureTask> = {}): MeasureTask {
  const artefact = join(folder, `artefact-${format}.onnx`);
  const { sessionOptions, externalLocations, inputs } = quantizeToFile({ path: source, name: 'm', options: { ...MODEL_DEFAULTS, format }, out: artefact });
  const files = { name: 'm', source, artefact, isSplit: externalLocations.length > 0, sessionOptions, inputs };
  return { ...files, verify: true, targets: [], compare: false, calibration: undefined, sampleLimit: 100, ...plan };
}

async function only(engine: EngineName): Promise<FoundEngines> {
  const found = await findEngines();
  return { engines: found.engines.filter(({ name }) => name === engine), missing: [] };
}

const SAMPLES = `export default function* () {
  for (let i = 0; i < 5; i++) yield {
    input: { data: Float32Array.from({ length: 512 }, (_, t) => Math.sin(t * (i + 1) / 9)), dims: [1, 512] },
    state: { data: new Float32Array(256), dims: [2, 1, 128] },
    sr: { data: BigInt64Array.of(16000n), dims: [] },
  };
}`;

describe('measureArtefact', () => {
  it('runs an artefact in every engine and compares nothing unless asked', async () => {
    const measured = await measureArtefact(taskFor(models.silero, 'int8-storage'));
    expect(measured.checks).toEqual([
      { engine: 'onnxruntime-node', version: expect.any(String), outcome: 'ran' },
      { engine: 'onnxruntime-web', version: expect.any(String), outcome: 'ran' },
    ]);
    expect(measured).toMatchObject({ accuracy: null, notes: [] });
  });

  it('compares on the user\'s samples, no more than the limit', async () => {
    const calibration = locateSamples('samples.mjs', folder);
    writeFileSync(join(folder, 'samples.mjs'), SAMPLES);
    const { accuracy, notes } = await measureArtefact(taskFor(models.silero, 'fp16-storage', { compare: true, calibration, sampleLimit: 3 }));
    expect(accuracy).toMatchObject({ engine: 'onnxruntime-node', samples: 3, synthetic: false });
    // Weights are rounded to 11 bits: far below one per cent.
    for (const { cosine } of accuracy!.outputs) expect(cosine).toBeGreaterThan(0.999);
    expect(notes).toEqual([]);
  });

  it('compares on generated inputs without samples, and says so', async () => {
    const { accuracy, notes } = await measureArtefact(taskFor(models.silero, 'fp16-storage', { verify: false, compare: true }));
    expect(accuracy).toMatchObject({ samples: 1, synthetic: true });
    expect(notes.join()).toMatch(/proves little/);
  });

  it('finds an untouched model equal', async () => {
    const { accuracy } = await measureArtefact(taskFor(models.silero, 'none', { verify: false, compare: true }));
    for (const output of accuracy!.outputs) expect(output).toMatchObject({ maxAbsError: 0, sqnr: null });
  });

  it('says that nothing was run where no engine is, and refuses to measure', async () => {
    const none: FoundEngines = { engines: [], missing: [{ engine: 'onnxruntime-node', reason: 'not installed' }] };
    const { checks, notes } = await measureArtefact(taskFor(models.silero, 'int8-storage'), none);
    expect(checks).toEqual([{ engine: 'onnxruntime-node', version: null, outcome: 'not-run', reason: 'not installed' }]);
    expect(notes.join()).toMatch(/not run.*npm install/);
    await expect(measureArtefact(taskFor(models.silero, 'fp16-storage', { compare: true }), none)).rejects.toMatchObject({ code: 'ENGINE_MISSING' });
  });

  it.each(['onnxruntime-node', 'onnxruntime-web'] as const)('compares a model with external data in %s', async (engine) => {
    const source = writeSplitModel(folder);
    expect(readFacts({ path: source, name: 'm' }).externals).toEqual(['model.data']);
    const { accuracy, checks } = await measureArtefact(taskFor(source, 'int8-dynamic', { compare: true }), await only(engine));
    expect(checks).toMatchObject([{ engine, outcome: 'ran' }]);
    expect(accuracy).toMatchObject({ engine, outputs: [{ name: 'y' }] });
    // 8 bits on both sides leave an error near 1/127 of the range.
    expect(accuracy!.outputs[0]!.cosine).toBeGreaterThan(0.99);
    expect(accuracy!.outputs[0]!.maxAbsError).toBeGreaterThan(0);
  });

  it('refuses an artefact that does not run where its source does', async () => {
    const task = taskFor(models.silero, 'int8-storage');
    copyFileSync(models.silero, task.artefact);
    const bytes = readFileSync(task.artefact);
    writeFileSync(task.artefact, bytes.subarray(0, bytes.byteLength / 2));
    await expect(measureArtefact(task)).rejects.toMatchObject({ code: 'ENGINE_REJECTED', model: 'm' });
  });

  it('refuses samples that do not fit', async () => {
    const calibration = locateSamples('samples.mjs', folder);
    writeFileSync(join(folder, 'samples.mjs'), 'export default [{ input: { data: [1], dims: [1, 1] } }]');
    await expect(measureArtefact(taskFor(models.silero, 'fp16-storage', { compare: true, calibration }))).rejects.toMatchObject({ code: 'SAMPLES_INVALID' });
  });
});
