import { describe, expect, it } from 'vitest';
import { buildModel, type ModelParts } from '../../../../test/support/build-model.ts';
import { weight } from '../../../../test/support/integer-arithmetic.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { makeNode } from '../graph/index.ts';
import type { Model } from '../onnx/index.ts';
import type { QuantizeOptions } from './index.ts';

/** An embedding, a body of five sixths to all of the weights, and a head, of the given number of words. */
function language(words: number, head = [makeNode('MatMul', ['c', 'head'], ['y'], {}, { name: '/head/MatMul' })], parts: Partial<ModelParts> = {}): Model {
  return buildModel({
    nodes: [
      makeNode('Gather', ['words', 'ids'], ['a'], {}, { name: '/embed/Gather' }),
      makeNode('MatMul', ['a', 'up'], ['b'], {}, { name: '/body/up' }),
      makeNode('Relu', ['b'], ['r']),
      makeNode('MatMul', ['r', 'down'], ['c'], {}, { name: '/body/down' }),
      ...head,
    ],
    initializers: { words: weight([words, 64]), up: weight([64, 1024]), down: weight([1024, 64]), head: weight([64, words], 9) },
    inputs: { ids: 'int64[2,3]' },
    outputs: { y: 'float32' },
    ...parts,
  });
}

function schemes(model: Model, options: Partial<QuantizeOptions> = { format: 'int4' }): Record<string, string> {
  return Object.fromEntries(quantize(model, options).weights.map(({ tensor, scheme }) => [tensor, scheme]));
}

const BODY = { up: 'int4', down: 'int4' };

describe('unasked', () => {
  it('a small embedding and the product that gives the output have 8 bits', () => {
    expect(schemes(language(64))).toEqual({ words: 'int8-weight', ...BODY, head: 'int8-weight' });
    expect(schemes(language(64), { format: 'int4-storage' })).toEqual({ words: 'int8-storage', up: 'int4-storage', down: 'int4-storage', head: 'int8-storage' });
    expect(schemes(language(64), { format: 'int4-fp16' })).toEqual({ words: 'int8-weight', ...BODY, head: 'int8-weight' });
  });

  it('large ones have 4: the file would grow by more than 3 %', () => {
    // 64 x words of 2 x 64 x (1024 + words) elements are a 32nd for 68.3 words.
    expect(schemes(language(68))).toMatchObject({ words: 'int8-weight', head: 'int8-weight' });
    expect(schemes(language(72))).toMatchObject({ words: 'int4', head: 'int4' });
  });

  it.each([
    ['a bias and a Softmax', [makeNode('MatMul', ['c', 'head'], ['d']), makeNode('Add', ['d', 'bias'], ['e']), makeNode('Softmax', ['e'], ['y'])], 'int8-weight'],
    ['a Gemm', [makeNode('Gemm', ['c', 'head', 'bias'], ['y'])], 'int8-weight'],
    ['a Relu', [makeNode('MatMul', ['c', 'head'], ['d']), makeNode('Relu', ['d'], ['y'])], 'int4'],
    ['another product', [makeNode('MatMul', ['c', 'head'], ['d']), makeNode('Transpose', ['d'], ['e'], { perm: [1, 0] }), makeNode('MatMul', ['d', 'e'], ['y'])], 'int4'],
  ])('with %s behind it, the last product has its bits', (_, head, scheme) => {
    const model = language(64, head, { inputs: { ids: 'int64[3]' } });
    const bias = language(64, head, { inputs: { ids: 'int64[3]', bias: 'float32[64]' } });
    expect(schemes(head.some(({ input }) => input.includes('bias')) ? bias : model)['head']).toBe(scheme);
  });

  it('int8-weight has 8 bits everywhere', () => {
    expect(new Set(Object.values(schemes(language(72), { format: 'int8-weight' })))).toEqual(new Set(['int8-weight']));
  });
});

describe('the option mixed', () => {
  const mixed = (names: string[]): Record<string, string> => schemes(language(64), { format: 'int4', mixed: names });

  it('names weights or nodes, and wins over the default', () => {
    expect(mixed(['down'])).toEqual({ words: 'int4', up: 'int4', down: 'int8-weight', head: 'int4' });
    expect(mixed(['/body/*'])).toEqual({ words: 'int4', up: 'int8-weight', down: 'int8-weight', head: 'int4' });
    expect(mixed([])).toEqual({ words: 'int4', ...BODY, head: 'int4' });
  });

  it('goes for 4-bit storage too', () => {
    expect(schemes(language(64), { format: 'int4-storage', mixed: ['up'] })).toMatchObject({ words: 'int4-storage', up: 'int8-storage' });
  });
});
