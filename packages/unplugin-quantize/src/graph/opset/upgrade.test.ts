import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildModel, floats, ramp, type ModelParts } from '../../../../../test/support/build-model.ts';
import { models } from '../../../../../test/support/models.ts';
import { realFeeds } from '../../../../../test/support/real-feeds.ts';
import { bytesOf, reread, runModel } from '../../../../../test/support/run-model.ts';
import { bytesSource, create, FunctionProtoSchema, opsetVersion, readModel, tensorOf } from '../../onnx/index.ts';
import { assertSound } from '../passes/assert-sound.ts';
import { cleanGraph } from '../passes/run-passes.ts';
import { makeNode } from '../edit.ts';
import { upgradeOpset } from './upgrade.ts';

const clip = { nodes: [makeNode('Clip', ['x'], ['y'], { max: { float: 1 } })], inputs: { x: 'float32[2]' }, outputs: { y: '' } };

describe('upgradeOpset', () => {
  it.each(['ocrDetection', 'ocrRecognition', 'ocrDirection'] as const)('%s at opset 13 gives the same outputs, bit for bit', async (name) => {
    const model = readModel(bytesSource(readFileSync(models[name]), name));
    const before = await runModel(model, realFeeds[name]());
    cleanGraph(model);
    expect(upgradeOpset(model, 13)).toEqual({ upgraded: true });
    assertSound(model);
    cleanGraph(model);
    // All of their Softmax nodes run over the last axis, which shows without shapes in the file.
    expect(model.proto.graph!.node.filter(({ opType }) => opType === 'Flatten')).toHaveLength(0);
    expect(opsetVersion(reread(model).proto)).toBe(13);
    expect(await runModel(model, realFeeds[name]())).toEqual(before);
  });

  it('works on graphs that were not cleaned', async () => {
    const model = readModel(bytesSource(readFileSync(models.ocrDetection), 'det'));
    const before = await runModel(model, realFeeds.ocrDetection());
    expect(upgradeOpset(model, 13)).toEqual({ upgraded: true });
    expect(await runModel(model, realFeeds.ocrDetection())).toEqual(before);
  });

  it('has nothing to do for newer models', () => {
    const model = buildModel({ ...clip, nodes: [makeNode('Relu', ['x'], ['y'])], opset: 17 });
    const bytes = bytesOf(model);
    expect(upgradeOpset(model, 13)).toEqual({ upgraded: true });
    expect(bytesOf(model)).toEqual(bytes);
  });

  it('keeps the objects of nodes and tensors that do not change, and their lazy data', () => {
    const model = buildModel({
      opset: 9, ir: 4, nodes: [makeNode('MatMul', ['x', 'w'], ['a']), makeNode('Clip', ['a'], ['y'], { max: { float: 1 } })],
      initializers: { w: ramp([32, 32]) }, inputs: { x: 'float32[1,32]' }, outputs: { y: '' },
    });
    const { node: [matMul], initializer: [w] } = model.proto.graph!;
    const [data] = model.payloads;
    expect(upgradeOpset(model, 11)).toEqual({ upgraded: true });
    expect(model.proto.graph!.node[0]).toBe(matMul);
    expect(model.proto.graph!.initializer[0]).toBe(w);
    expect(model.payloads[w!.payload]).toBe(data);
    expect(model.proto.irVersion).toBe(6n);
  });

  const dropout = makeNode('Dropout', ['a'], ['b', 'mask']);
  const refusals: (Partial<ModelParts> & { target?: number; reason: RegExp })[] = [
    { reason: /^Dropout of opset 9 \(node "b"\) hands out its mask/, nodes: [makeNode('Relu', ['x'], ['a']), dropout], outputs: { b: '', mask: '' }, opset: 9 },
    { reason: /^Resize of opset 10 \(node "y"\) takes nearest/, nodes: [makeNode('Resize', ['x', 's'], ['y'])], inputs: { x: 'float32[1,1,4,4]', s: 'float32[4]' }, opset: 10 },
    { reason: /^Resize of opset 10/, nodes: [makeNode('Resize', ['x', 's'], ['y'])], initializers: { s: floats([2], [0.5, 2]) }, inputs: { x: 'float32[4,4]' }, opset: 10 },
    { reason: /^Clip of opset 10 \(node "y"\) clips/, nodes: [makeNode('Cast', ['x'], ['h'], { to: 10n }), makeNode('Clip', ['h'], ['y'], { max: { float: 1 } })], opset: 9 },
    { reason: /^opset 9 has no operator Affine \(node "y"\)/, nodes: [makeNode('Affine', ['x'], ['y'])], opset: 9 },
    { reason: /^opset 9 has no operator constructor/, nodes: [makeNode('constructor', ['x'], ['y'])], opset: 9 },
    { reason: /^opset 10 has no operator Upsample/, nodes: [makeNode('Upsample', ['x'], ['y'])], opset: 10 },
    { reason: /covers 9 to 13/, opset: 17, target: 21 },
    { reason: /local functions/, opset: 9, functions: [create(FunctionProtoSchema, { name: 'f', domain: 'mine' })] },
  ];
  it.each(refusals)('refuses and touches nothing: $reason', ({ reason, target = 13, ...parts }) => {
    // A node before the one that refuses, so that there would be something to undo.
    const nodes = [makeNode('Squeeze', ['q'], ['unused'], { axes: [0] }), ...(parts.nodes ?? clip.nodes)];
    const model = buildModel({ ...clip, ...parts, inputs: { ...clip.inputs, ...parts.inputs, q: 'float32[1,2]' }, nodes });
    const before = bytesOf(model);
    const result = upgradeOpset(model, target);
    expect(result.upgraded).toBe(false);
    expect(result.reason).toMatch(reason);
    expect(bytesOf(model)).toEqual(before);
  });

  it('leaves nodes of other domains alone', () => {
    const model = buildModel({ ...clip, nodes: [makeNode('Clip', ['x'], ['y'], { max: { float: 1 } }, { domain: 'com.example' })], opset: 9, domains: { 'com.example': 1 } });
    expect(upgradeOpset(model, 13)).toEqual({ upgraded: true });
    expect(model.proto.graph!.node[0]!.attribute).toHaveLength(1);
  });

  it.each([
    ['float64', 'float64[2]', 8], ['float16', 'float16[2]', 2],
  ] as const)('gives Clip bounds of %s', (_, type, width) => {
    const model = buildModel({ ...clip, inputs: { x: type }, opset: 10 });
    expect(upgradeOpset(model, 11)).toEqual({ upgraded: true });
    const { node: [node], initializer: [max] } = model.proto.graph!;
    expect(node!.input).toEqual(['x', '', max!.name]);
    expect(tensorOf(model, max!)).toMatchObject({ dtype: type.slice(0, -3), dims: [], byteLength: width });
  });
});
