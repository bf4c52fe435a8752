import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { models } from '../../../test/support/models.ts';
import * as node from './core.ts';
import * as web from './core.web.ts';

const silero = new Uint8Array(readFileSync(models.silero));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'core-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('quantizeModel', () => {
  it('gives bytes and a report of them', async () => {
    const { bytes, report } = await node.quantizeModel(silero, { format: 'int8-storage', name: 'vad' });
    expect(bytes.byteLength).toBeLessThan(silero.byteLength / 2);
    expect(report).toMatchObject({
      name: 'vad',
      requestedFormat: 'int8-storage',
      format: 'int8-storage',
      source: { bytes: silero.byteLength, sha256: sha256(silero) },
      artefact: { bytes: bytes.byteLength, sha256: sha256(bytes), ratio: bytes.byteLength / silero.byteLength },
    });
    expect(report.inputs.map(({ name }) => name)).toEqual(['input', 'state', 'sr']);
    expect(report.weights.length).toBeGreaterThan(0);
  });

  it('gives the same for a path, for bytes, and in a browser for bytes and a file', async () => {
    const expected = await node.quantizeModel(silero);
    const path = join(folder, 'vad.onnx');
    copyFileSync(models.silero, path);
    const file = new File([silero], basename(path));
    for (const result of [await node.quantizeModel(path, { name: 'model' }), await web.quantizeModel(silero), await web.quantizeModel(file, { name: 'model' })]) {
      expect(Buffer.compare(result.bytes, expected.bytes)).toBe(0);
      expect(result.report).toEqual(expected.report);
    }
    expect((await node.quantizeModel(path)).report.name).toBe(path);
    expect((await web.quantizeModel(file)).report.name).toBe('vad.onnx');
  });

  it('puts large weights into a second file', async () => {
    const { bytes, data, report } = await node.quantizeModel(silero, { format: 'fp16-storage', externalData: 'vad.data' });
    const size = bytes.byteLength + data!.byteLength;
    expect(report.artefact).toMatchObject({ bytes: size, sha256: sha256(bytes), data: { location: 'vad.data', bytes: data!.byteLength, sha256: sha256(data!) } });
    expect(await web.quantizeModel(silero, { format: 'fp16-storage', externalData: 'vad.data' })).toEqual({ bytes, data, report });
    // The pair is a model again, of the same size but for what says where its weights are.
    const joined = await node.quantizeModel(bytes, { format: 'none', files: { 'vad.data': data! } });
    const whole = await node.quantizeModel(silero, { format: 'fp16-storage' });
    expect(Math.abs(joined.bytes.byteLength - whole.bytes.byteLength)).toBeLessThan(whole.bytes.byteLength / 1000);
    expect('data' in whole).toBe(false);
  });

  it.each(['', '.', '..', 'a/b', '..\\b', 'c:x'])('refuses %j as a file name', async (externalData) => {
    await expect(node.quantizeModel(silero, { externalData })).rejects.toMatchObject({ code: 'OPTION_INVALID', option: 'externalData' });
  });

  it.each([
    [{ formt: 'int8' }, { code: 'OPTION_UNKNOWN', hint: 'Did you mean "format"?' }],
    [{ format: 'int9' }, { code: 'OPTION_INVALID' }],
    [{ budget: { cosine: 0.9 } }, { code: 'OPTION_UNKNOWN' }],
  ])('refuses the options %j', async (options, error) => {
    await expect(node.quantizeModel(silero, options as node.CoreOptions)).rejects.toMatchObject(error);
    await expect(web.quantizeModel(silero, options as node.CoreOptions)).rejects.toMatchObject(error);
  });

  it('refuses what is no model', async () => {
    await expect(node.quantizeModel(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(node.quantizeModel(new Uint8Array(0), { name: 'empty.onnx' })).rejects.toMatchObject({ code: 'MODEL_EMPTY', model: 'empty.onnx' });
    await expect(web.quantizeModel(silero.subarray(0, 1_000_000))).rejects.toMatchObject({ code: 'MODEL_TRUNCATED' });
  });
});

describe('readModel and writeModel', () => {
  it.each([['Node', node], ['the browser', web]] as const)('change nothing by themselves in %s', (_, core) => {
    const model = core.readModel(silero);
    expect(model.proto.graph?.input.map(({ name }) => name)).toEqual(['input', 'state', 'sr']);
    expect(Buffer.compare(core.writeModel(model), silero)).toBe(0);
  });
});

describe('core.web', () => {
  it('reaches nothing of Node', () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      // Types are gone in what is built.
      for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )(?:[^'";]* from )?'([^']+)'/gm)) {
        if (specifier!.startsWith('.')) visit(join(file, '..', specifier!));
        else packages.add(specifier!.split('/').slice(0, 2).join('/'));
      }
    };
    visit(join(import.meta.dirname, 'core.web.ts'));
    expect(seen.size).toBeGreaterThan(20);
    expect([...packages]).toEqual(['@bufbuild/protobuf']);
  });
});
