import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBytes, buildGraph, buildModel, constantNode, floats, ints, ramp } from '../../../../test/support/build-model.ts';
import { models } from '../../../../test/support/models.ts';
import { randomModel } from '../../../../test/support/random-model.ts';
import { concatBytes, field, message, modelBytes, text, varint } from '../../../../test/support/wire-format.ts';
import { QuantizeError } from '../errors.ts';
import { assertSound } from '../graph/passes/assert-sound.ts';
import { cleanGraph } from '../graph/passes/run-passes.ts';
import { makeNode } from '../graph/edit.ts';
import { bytesSource, opsetVersion, readModel, readPayload, requireOpset, sameDomain, writeModel } from './index.ts';

const parts = { nodes: [makeNode('Relu', ['x'], ['y'])], inputs: { x: 'float32[2]' }, outputs: { y: '' } };
const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);
const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 0, 0, 0, 1, 0, 8, 6, 0, 0, 0);
const lfs = ascii('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n');

describe('readModel refuses', () => {
  it.each([
    ['an empty file', new Uint8Array(0), ['MODEL_EMPTY']],
    ['a PNG image', png, ['MODEL_NOT_ONNX', 'MODEL_TRUNCATED']],
    ['an HTML page', ascii('<!doctype html><html><head><title>Not found</title></head></html>'), ['MODEL_NOT_ONNX']],
    ['a JSON document', ascii('{"error": "not found"}'), ['MODEL_NOT_ONNX', 'MODEL_TRUNCATED']],
    ['a Git LFS pointer', lfs, ['MODEL_NOT_ONNX', 'MODEL_TRUNCATED']],
    ['zeros', new Uint8Array(1000), ['MODEL_NOT_ONNX']],
    ['a ZIP archive', ascii('PK\u0003\u0004\u0014\u0000\u0000\u0000\b\u0000'), ['MODEL_NOT_ONNX', 'MODEL_TRUNCATED']],
    ['a model without a graph', concatBytes([field(1, 0, varint(8)), field(8, 2, message(field(2, 0, varint(17))))]), ['MODEL_NOT_ONNX']],
    ['a graph that is a number', concatBytes([field(1, 0, varint(8)), field(7, 0, varint(1))]), ['MODEL_NOT_ONNX']],
    ['opset 8', buildBytes({ ...parts, opset: 8 }), ['OPSET_UNSUPPORTED']],
    ['IR version 2', buildBytes({ ...parts, ir: 2 }), ['OPSET_UNSUPPORTED']],
    ['IR version 99', buildBytes({ ...parts, ir: 99 }), ['OPSET_UNSUPPORTED']],
    ['no IR version', concatBytes([field(7, 2, message(text(2, 'g')))]), ['OPSET_UNSUPPORTED']],
  ])('%s', (_, bytes, codes) => {
    const read = (): unknown => readModel(bytesSource(bytes, 'models/some.onnx'));
    expect(read).toThrow(QuantizeError);
    expect(read).toThrow(expect.objectContaining({ model: 'models/some.onnx', hint: expect.any(String), code: expect.stringMatching(new RegExp(`^(${codes.join('|')})$`)) }));
  });

  it('a file that is cut off anywhere', () => {
    const bytes = readFileSync(models.ocrDirection);
    const codes = new Set<string>();
    for (let length = 97; length < bytes.length; length += 97) codes.add(outcome(bytes.subarray(0, length)));
    expect([...codes].sort().filter((code) => !['MODEL_TRUNCATED', 'MODEL_NOT_ONNX', 'read'].includes(code))).toEqual([]);
    expect(codes).toContain('MODEL_TRUNCATED');
  });

  it('subgraphs that are nested too deeply', () => {
    let graph = text(2, 'innermost');
    for (let i = 0; i < 40; i++) graph = field(1, 2, message(text(4, 'If'), field(5, 2, message(text(1, 'a'), field(6, 2, message(graph))))));
    expect(() => readModel(bytesSource(modelBytes(graph)))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('types that are nested without end', () => {
    let type = field(1, 2, message(field(1, 0, varint(1))));
    for (let i = 0; i < 2000; i++) type = field(4, 2, message(field(1, 2, message(type))));
    expect(() => readModel(bytesSource(modelBytes(field(11, 2, message(text(1, 'x'), field(2, 2, message(type)))))))).toThrow(QuantizeError);
  });
});

/** What happens to bytes that may be anything: 'read', or the code of the refusal. Other errors are thrown on. */
function outcome(bytes: Uint8Array): string {
  try {
    const model = readModel(bytesSource(bytes, 'hostile'));
    assertSound(model);
    cleanGraph(model);
    readPayload(writeModel(model));
    return 'read';
  } catch (error) {
    if (error instanceof QuantizeError) return error.code;
    throw error;
  }
}

describe('damaged models', () => {
  const branch = () => buildGraph({ nodes: [constantNode('c', ramp([300])), makeNode('Add', ['a', 'c'], ['out'])], outputs: { out: 'float32[300]' } });
  const whole = buildBytes({
    nodes: [
      makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] }), makeNode('Reshape', ['t', 's'], ['r']), makeNode('Add', ['x', 'r'], ['a']), makeNode('Cast', ['h'], ['h2'], { to: 10n }),
      makeNode('If', ['on'], ['y'], { then_branch: branch(), else_branch: branch() }), makeNode('Identity', ['h2'], ['z']),
    ],
    initializers: { w: ramp([20, 15]), s: ints([1], [300]), h: floats([2], [1, 2]), w2: ramp([20, 15]) },
    inputs: { x: 'float32[300]', on: 'bool[]' }, outputs: { y: 'float32[300]', z: '' },
  });

  it('are what the test needs when they are whole', () => {
    expect(outcome(whole)).toBe('read');
  });

  it('throw nothing but QuantizeError, whichever bytes are changed', () => {
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(fc.property(edits, (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      expect(outcome(bytes)).toMatch(/^(read|MODEL_|OPSET_|EXTERNAL_)/);
    }), { numRuns: 3000 });
  });

  it('throw nothing but QuantizeError when their structure means nothing', () => {
    fc.assert(fc.property(randomModel, (bytes) => {
      expect(outcome(bytes)).toMatch(/^(read|MODEL_|OPSET_|EXTERNAL_)/);
    }), { numRuns: 200 });
  });

  it('throw nothing but QuantizeError when they are noise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(outcome(bytes)).toMatch(/^(read|MODEL_|OPSET_|EXTERNAL_)/);
    }), { numRuns: 2000 });
  });
});

describe('opset imports', () => {
  it('are found by domain, of which the default one has two names', () => {
    const { proto } = buildModel({ ...parts, opset: 11, domains: { 'com.microsoft': 1 } });
    expect(opsetVersion(proto)).toBe(11);
    expect(opsetVersion(proto, 'ai.onnx')).toBe(11);
    expect(opsetVersion(proto, 'com.microsoft')).toBe(1);
    expect(opsetVersion(proto, 'ai.onnx.ml')).toBeUndefined();
    expect(sameDomain('', 'ai.onnx')).toBe(true);
    expect(sameDomain('', 'ai.onnx.ml')).toBe(false);
  });

  it('are only ever raised', () => {
    const { proto } = buildModel({ ...parts, opset: 11 });
    requireOpset(proto, '', 9);
    expect(opsetVersion(proto)).toBe(11);
    requireOpset(proto, 'ai.onnx', 13);
    requireOpset(proto, 'com.microsoft', 1);
    expect(proto.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 13n], ['com.microsoft', 1n]]);
  });
});
