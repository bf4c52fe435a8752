import { describe, expect, it } from 'vitest';
import { buildModel, floats, ints, ramp, type ModelParts } from '../../../../test/support/build-model.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { makeNode } from '../graph/index.ts';
import type { Format } from '../types.ts';
import type { QuantizeOptions } from './context.ts';

/** An embedding that is also the head, two layers, and a convolution. */
const parts: ModelParts = {
  nodes: [
    makeNode('Gather', ['emb', 'ids'], ['e'], {}, { name: '/embed/Gather' }),
    makeNode('MatMul', ['e', 'l0.weight'], ['h0'], {}, { name: '/layers.0/MatMul' }),
    makeNode('Gemm', ['h0', 'l1.weight'], ['h1'], {}, { name: '/layers.1/Gemm' }),
    makeNode('Transpose', ['emb'], ['t'], {}, { name: '/head/Transpose' }),
    makeNode('MatMul', ['h1', 't'], ['y'], {}, { name: '/head/MatMul' }),
    makeNode('Conv', ['x', 'k'], ['z'], {}, { name: '/conv/Conv' }),
  ],
  initializers: { 'emb': ramp([100, 64]), 'l0.weight': ramp([64, 64]), 'l1.weight': floats([64, 64], Array.from({ length: 4096 }, (_, i) => (i % 37) / 8 - 2)), 'k': ramp([16, 16, 3, 3]), 'unused': ints([1], [1]) },
  inputs: { ids: 'int64[N]', x: 'float32[1,16,8,8]' },
  outputs: { y: '', z: '' },
};

const all = ['emb', 'l0.weight', 'l1.weight', 'k'];

function changedBy(options: Partial<QuantizeOptions>): string[] {
  const { weights } = quantize(buildModel(parts), options);
  return all.filter((name) => weights.some(({ tensor, scheme }) => tensor === name && scheme !== 'kept'));
}

const FORMATS: Format[] = ['int8', 'int8-storage', 'fp16-storage', 'fp16', 'int4', 'int4-storage', 'int8-weight', 'int4-fp16'];
/** What the half-precision graph does is seen in its Casts, not in decisions about weights. */
const BY_WEIGHT = FORMATS.filter((format) => !format.includes('fp16') || format === 'fp16-storage');

describe('exclude, include, excludeOps, minElements', () => {
  it.each(FORMATS)('leave nothing out by default: %s', (format) => {
    expect(changedBy({ format })).toEqual(all);
  });

  it.each<[string, Partial<QuantizeOptions>, string[]]>([
    ['a weight', { exclude: ['l0.weight'] }, ['emb', 'l1.weight', 'k']],
    ['a pattern', { exclude: ['l*.weight'] }, ['emb', 'k']],
    ['a node', { exclude: ['/conv/*'] }, ['emb', 'l0.weight', 'l1.weight']],
    ['a node behind a transposition', { exclude: ['/head/MatMul'] }, ['l0.weight', 'l1.weight', 'k']],
    ['an expression', { exclude: [/layers\.\d+/] }, ['emb', 'k']],
    ['an operator', { excludeOps: ['Conv'] }, ['emb', 'l0.weight', 'l1.weight']],
    ['an operator, but not what is rewritten to it', { excludeOps: ['MatMul'] }, ['l1.weight', 'k']],
    ['all but what is included', { include: ['/layers.*'] }, ['l0.weight', 'l1.weight']],
    ['what is included and excluded', { include: [/layers/], exclude: [/layers.1/] }, ['l0.weight']],
    ['all but one that is included by a reader behind a transposition', { include: ['/head/*'] }, ['emb']],
    ['small weights', { minElements: 4096 }, ['emb', 'l0.weight', 'l1.weight']],
    ['all', { exclude: ['*'] }, []],
  ])('leave %s', (_, options, changed) => {
    for (const format of BY_WEIGHT) expect([format, changedBy({ format, ...options })]).toEqual([format, changed]);
  });

  it('say why', () => {
    const { weights } = quantize(buildModel(parts), { format: 'int8-storage', exclude: ['emb'], excludeOps: ['Gemm'], include: ['l*', 'emb'], minElements: 5000 });
    expect(weights.map(({ tensor, reason }) => [tensor, reason])).toEqual([
      ['emb', 'excluded by name'], ['l0.weight', 'has fewer than 5000 elements'], ['l1.weight', 'excluded as a weight of Gemm'], ['k', 'not among the names to include'],
    ]);
  });

  const halfNodes = (options: Partial<QuantizeOptions>): string[] => {
    const { model } = quantize(buildModel(parts), { format: 'fp16', ...options });
    const graph = model.proto.graph!;
    const halves = new Set(graph.initializer.filter(({ dataType }) => dataType === 10).map(({ name }) => name));
    return graph.node.filter(({ input, name }) => name !== '' && input.some((one) => halves.has(one))).map(({ name }) => name);
  };

  it('name nodes of the half-precision graph', () => {
    expect(halfNodes({})).toEqual(['/embed/Gather', '/layers.0/MatMul', '/layers.1/Gemm', '/head/Transpose', '/conv/Conv']);
    expect(halfNodes({ excludeOps: ['Conv', 'Gemm'] })).toEqual(['/embed/Gather', '/layers.0/MatMul', '/head/Transpose']);
    expect(halfNodes({ include: ['/layers.*', 'k'] })).toEqual(['/layers.0/MatMul', '/layers.1/Gemm', '/conv/Conv']);
  });
});

describe('notes about names that nothing has', () => {
  const notesOf = (options: Partial<QuantizeOptions>): string[] => quantize(buildModel(parts), { format: 'int8-storage', ...options }).notes;

  it.each<[string, Partial<QuantizeOptions>, string[]]>([
    ['a slip', { exclude: ['l0.wieght'] }, ['exclude: nothing in the model is called "l0.wieght". Did you mean "l0.weight"?']],
    ['a part of a path', { exclude: ['/haed/*', '/head/*'] }, ['exclude: nothing in the model is called "/haed/*". Did you mean "head"?']],
    ['an expression', { include: [/nothing/i, /./] }, ['include: nothing in the model is called /nothing/i.']],
    ['nothing near', { mixed: ['decoder.*'] }, ['mixed: nothing in the model is called "decoder.*".']],
    ['an operator', { excludeOps: ['Matmul', 'Conv'] }, ['excludeOps: the model has no operator "Matmul". Did you mean "MatMul"?']],
    ['values that are there, even where they are no weights', { exclude: ['h0', 'unused', '/layers.1/Gemm'] }, []],
  ])('%s', (_, options, notes) => {
    expect(notesOf(options)).toEqual(notes);
  });
});

describe('half', () => {
  const schemes = (options: Partial<QuantizeOptions>): Record<string, string> =>
    Object.fromEntries(quantize(buildModel(parts), options).weights.filter(({ tensor }) => all.includes(tensor)).map(({ tensor, scheme }) => [tensor, scheme]));

  it.each(FORMATS.filter((format) => !format.includes('fp16')))('stores what it names in half precision: %s', (format) => {
    const plain = schemes({ format });
    expect(schemes({ format, half: ['l0.weight', '/conv/*'] })).toEqual({ ...plain, 'l0.weight': 'fp16-storage', 'k': 'fp16-storage' });
  });

  it('is less than exclude, and works where a format stores nothing', () => {
    expect(schemes({ format: 'int8-storage', half: ['l*'], exclude: ['l1.weight'] })).toMatchObject({ 'l0.weight': 'fp16-storage', 'l1.weight': 'kept' });
    expect(schemes({ format: 'int8-dynamic', half: ['k', 'l0.weight'] })).toEqual({ 'emb': 'int8-dynamic', 'l0.weight': 'fp16-storage', 'l1.weight': 'int8-dynamic', 'k': 'fp16-storage' });
  });
});
