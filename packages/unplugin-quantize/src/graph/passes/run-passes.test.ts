import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { models, sharedFolder } from '../../../../../test/support/models.ts';
import { realFeeds } from '../../../../../test/support/real-feeds.ts';
import { bytesOf, runModel } from '../../../../../test/support/run-model.ts';
import { bytesSource, dtypeOf, elementCount, rawByteLength, readModel, type Model } from '../../onnx/index.ts';
import { assertSound } from './assert-sound.ts';
import { scopesOf } from '../scope.ts';
import { cleanGraph, PASSES } from './run-passes.ts';

const names = Object.keys(models) as (keyof typeof models)[];

function load(name: keyof typeof models): Model {
  return readModel(bytesSource(readFileSync(models[name]), name));
}

describe('cleanGraph', () => {
  for (const name of names) {
    it.skipIf(!existsSync(models[name]))(`${name} gives the same outputs, bit for bit`, async () => {
      const model = load(name);
      // Constant weights of an LSTM are packed, which changes the order of sums; with its optimizer on, the engine folds them itself.
      const level = name === 'silero' ? 'all' : 'disabled';
      const before = await runModel(model, realFeeds[name](), level);
      for (const pass of PASSES) {
        pass.run(model);
        assertSound(model);
      }
      cleanGraph(model);
      expect(await runModel(model, realFeeds[name](), level)).toEqual(before);
    });
  }

  for (const name of names) {
    it.skipIf(!existsSync(models[name]))(`of ${name}: edges that passes share give what new edges for each pass give`, () => {
      const [shared, fresh] = [load(name), load(name)];
      cleanGraph(shared);
      let changes = 1;
      while (changes > 0) changes = PASSES.reduce((sum, { run }) => sum + run(fresh), 0);
      expect(Buffer.compare(bytesOf(shared), bytesOf(fresh))).toBe(0);
    });
  }

  it('leaves no Constant and no Identity in the models that are full of them', () => {
    const model = load('ocrDetection');
    cleanGraph(model);
    const types = new Set(scopesOf(model).flatMap(({ graph }) => graph.node.map(({ opType }) => opType)));
    expect(types.has('Constant')).toBe(false);
    expect(types.has('Identity')).toBe(false);
    expect(model.proto.graph!.initializer.length).toBeGreaterThan(300);
  });

  it("makes initializers of the LSTM weights that Silero's branches slice and join", () => {
    const model = load('silero');
    const size = bytesOf(model).byteLength;
    cleanGraph(model);
    const scopes = scopesOf(model);
    const lstms = scopes.flatMap(({ graph, parent }) => graph.node.filter(({ opType }) => opType === 'LSTM').map((node) => ({ node, parent })));
    expect(lstms).toHaveLength(4);
    for (const { node, parent } of lstms) {
      const weights = node.input.slice(1, 4).map((name) => parent!.graph.initializer.find((tensor) => tensor.name === name)?.dims.map(Number));
      expect(weights).toEqual([[1, 512, 128], [1, 512, 128], [1, 1024]]);
    }
    expect(scopes.flatMap(({ graph }) => graph.node).filter(({ opType }) => opType === 'Concat')).toHaveLength(6);
    expect(bytesOf(model).byteLength).toBeLessThan(size);
  });

  it.each(['ocrRecognition', 'silero'] as const)('comes to rest: a second run changes nothing in %s', (name) => {
    const model = load(name);
    cleanGraph(model);
    const bytes = bytesOf(model);
    for (const pass of PASSES) expect({ [pass.name]: pass.run(model) }).toEqual({ [pass.name]: 0 });
    expect(Buffer.compare(bytesOf(model), bytes)).toBe(0);
  });

  const skeleton = join(sharedFolder, 'models/skeletons/bert-base.onnx');
  it.skipIf(!existsSync(skeleton))('reads no weight of BERT, whose biases are handed on by 119 Identity nodes', () => {
    const model = readModel(bytesSource(readFileSync(skeleton), 'bert-base'));
    // The skeleton has structure only, so every weight gets data that must not be asked for.
    for (const tensor of model.proto.graph!.initializer) {
      if (tensor.rawData.length > 0 || Object.hasOwn(tensor, 'payload')) continue;
      tensor.payload = model.payloads.length;
      const byteLength = rawByteLength(dtypeOf(tensor.dataType)!, elementCount(tensor.dims.map(Number)));
      model.payloads.push({ field: 9, byteLength, chunks: () => { throw new Error('A weight was read.'); } });
    }
    cleanGraph(model);
    assertSound(model);
    expect(model.proto.graph!.node.filter(({ opType }) => opType === 'Identity')).toHaveLength(0);
    expect(model.proto.graph!.initializer.filter(({ payload }) => payload > 0).length).toBeGreaterThan(70);
  });
});
