import { describe, expect, it } from 'vitest';
import { buildModel, ramp } from '../../../../../test/support/build-model.ts';
import { runModel, seededFloats } from '../../../../../test/support/run-model.ts';
import { makeNode } from '../edit.ts';
import { initializersAsConstants } from './initializers-as-constants.ts';

const parts = { nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: ramp([4, 2]) }, outputs: { y: '' } };

describe('initializersAsConstants', () => {
  it.each([3, 8])('removes initializers from the inputs (IR version %i)', async (ir) => {
    const model = buildModel({ ...parts, ir, opset: 9, inputs: { x: 'float32[1,4]', w: 'float32[4,2]' } });
    const feeds = { x: seededFloats([1, 4]) };
    const before = await runModel(model, feeds);
    expect(initializersAsConstants(model)).toBe(1);
    expect(model.proto.graph!.input.map(({ name }) => name)).toEqual(['x']);
    expect(model.proto.irVersion).toBe(BigInt(Math.max(4, ir)));
    expect(await runModel(model, feeds)).toEqual(before);
    expect(initializersAsConstants(model)).toBe(0);
  });

  it('has nothing to do where inputs are inputs', () => {
    const model = buildModel({ ...parts, ir: 3, opset: 9, inputs: { x: 'float32[1,4]' } });
    expect(initializersAsConstants(model)).toBe(0);
    expect(model.proto.irVersion).toBe(3n);
  });
});
