import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { models } from '../../../../../test/support/models.ts';
import { realFeeds } from '../../../../../test/support/real-feeds.ts';
import { runModel } from '../../../../../test/support/run-model.ts';
import { bytesSource, readModel, type Model } from '../../onnx/index.ts';
import { assertSound } from './assert-sound.ts';
import { cleanGraph, PASSES } from './run-passes.ts';

const names = Object.keys(models) as (keyof typeof models)[];

function load(name: keyof typeof models): Model {
  return readModel(bytesSource(readFileSync(models[name]), name));
}

describe('cleanGraph', () => {
  describe.each(names)('of %s', (name) => it.skipIf(!existsSync(models[name]))('gives the same outputs, bit for bit', async () => {
    const model = load(name);
    const before = await runModel(model, realFeeds[name]());
    for (const pass of PASSES) {
      pass.run(model);
      assertSound(model);
    }
    cleanGraph(model);
    expect(await runModel(model, realFeeds[name]())).toEqual(before);
  }));
});
