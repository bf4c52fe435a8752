import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { prepareGraph } from '../../packages/unplugin-quantize/src/graph/passes/run-passes.ts';
import { bytesSource, readModel } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { cifar, pictureFeeds, top1, type Pictures } from '../support/cifar.ts';
import { quantizeStatic } from '../support/min-max-statistics.ts';
import { hasShared, models } from '../support/models.ts';
import { rescaleChannels } from '../support/rescale-channels.ts';
import { bytesOf, seededFloats } from '../support/run-model.ts';

/** A trained network of Relu whose channels between two convolutions differ by up to 2^10 in range, while its function is the same. */
describe.skipIf(!hasShared)('a network whose channels were rescaled', () => {
  let bytes: Uint8Array;
  let rescaled: number;
  let samples: ReturnType<typeof pictureFeeds>;
  let pictures: Pictures;
  let exact: number;

  beforeAll(async () => {
    const model = readModel(bytesSource(readFileSync(models.mobilenet), 'mobilenet'));
    prepareGraph(model);
    // Its Relu6 never cut anything off: with Relu it has the same accuracy.
    for (const node of model.proto.graph!.node) if (node.opType === 'Clip') Object.assign(node, { opType: 'Relu', input: node.input.slice(0, 1) });
    const random = (seededFloats([20_000], 7).data as Float32Array).values();
    rescaled = rescaleChannels(model, () => 2 ** (5 * (random.next().value as number)));
    bytes = bytesOf(model);
    samples = pictureFeeds(await cifar('calib', 6), 20);
    pictures = await cifar('test');
    exact = await top1(bytes, pictures);
  });

  it('is as accurate as before in float32', () => {
    expect(rescaled).toBe(36);
    expect(exact).toBeGreaterThan(89);
  });

  it('loses at most half a point in int8-static', async () => {
    const artefact = await quantizeStatic(bytes, samples);
    expect(await top1(artefact.bytes, pictures)).toBeGreaterThanOrEqual(exact - 0.5);
  });

  it('is lost without equalization', async () => {
    const artefact = await quantizeStatic(bytes, samples.slice(0, 1), { equalize: false });
    expect(await top1(artefact.bytes, await cifar('test', 30))).toBeLessThan(30);
  });
});
