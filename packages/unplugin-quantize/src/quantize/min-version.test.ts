import { describe, expect, it } from 'vitest';
import { buildModel } from '../../../../test/support/build-model.ts';
import { makeNode } from '../graph/index.ts';
import { arrayTensor } from '../onnx/index.ts';
import { minOnnxruntime } from './min-version.ts';

describe('minOnnxruntime', () => {
  // onnxruntime's compatibility page, one row for each opset.
  it.each([[9, '1.0.0'], [10, '1.0.0'], [11, '1.0.0'], [12, '1.3.0'], [13, '1.6.0'], [14, '1.8.0'], [15, '1.9.0'], [16, '1.11.0'],
    [17, '1.12.0'], [18, '1.14.0'], [19, '1.16.0'], [20, '1.17.0'], [21, '1.18.0'], [22, '1.21.0'], [23, '1.23.0'], [24, '1.24.1'], [99, '1.24.1']])('of opset %i is %s', (opset, release) => {
    expect(minOnnxruntime(buildModel({ opset, ir: 4, nodes: [makeNode('Identity', ['x'], ['y'])], inputs: { x: 'float32' }, outputs: { y: 'float32' } }))).toBe(release);
  });

  it.each([[3, '1.8.0'], [7, '1.8.0'], [8, '1.9.0'], [9, '1.15.0'], [10, '1.18.0'], [11, '1.23.0'], [12, '1.24.1'], [13, '1.24.1']])('of opset 14 and IR version %i is %s', (ir, release) => {
    expect(minOnnxruntime(buildModel({ opset: 14, ir, nodes: [makeNode('Identity', ['x'], ['y'])], inputs: { x: 'float32' }, outputs: { y: 'float32' } }))).toBe(release);
  });

  // 1.16 reads bytes that are unpacked in every run as unsigned; what is unpacked once is right.
  it.each([['w', '1.11.0'], ['x', '1.17.0']])('of four bits unpacked from %s is %s', (from, release) => {
    const nodes = [makeNode('BitShift', [from, 'four'], ['h'], { direction: 'LEFT' }), makeNode('BitShift', ['h', 'four'], ['y'], { direction: 'RIGHT' })];
    const byte = (value: number) => arrayTensor('uint8', [1], Uint8Array.of(value));
    expect(minOnnxruntime(buildModel({ opset: 16, nodes, initializers: { w: byte(1), four: byte(4) }, inputs: { x: 'uint8' }, outputs: { y: 'uint8' } }))).toBe(release);
  });

  it.each([[11, '1.8.0'], [14, '1.8.0'], [17, '1.12.0']])("of onnxruntime's own operators at opset %i is %s", (opset, release) => {
    const node = makeNode('DynamicQuantizeLSTM', ['x'], ['y'], {}, { domain: 'com.microsoft' });
    expect(minOnnxruntime(buildModel({ opset, ir: 7, nodes: [node], inputs: { x: 'float32' }, outputs: { y: 'float32' }, domains: { 'com.microsoft': 1 } }))).toBe(release);
  });

  // Found by running each form in the WASM of the releases around it.
  it.each<[string, bigint, number, string]>([
    ['MatMulNBits', 4n, 3, '1.17.0'], ['MatMulNBits', 4n, 4, '1.17.0'], ['MatMulNBits', 8n, 3, '1.23.0'],
    ['GatherBlockQuantized', 4n, 3, '1.22.0'], ['GatherBlockQuantized', 4n, 4, '1.23.0'], ['GatherBlockQuantized', 8n, 3, '1.23.0'],
  ])('of %s with %i bits and %i inputs is %s', (opType, bits, inputs, release) => {
    const node = makeNode(opType, ['x', 'b', 's', 'z'].slice(0, inputs), ['y'], { bits }, { domain: 'com.microsoft' });
    const types = { x: 'float32', b: 'uint8', s: 'float32', z: 'uint8' };
    expect(minOnnxruntime(buildModel({ opset: 13, nodes: [node], inputs: types, outputs: { y: 'float32' }, domains: { 'com.microsoft': 1 } }))).toBe(release);
  });
});
