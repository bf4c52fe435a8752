import { describe, expect, it } from 'vitest';
import { FORMATS, resolveModelOptions, TARGETS, type ModelOptions } from '../options.ts';
import type { ModelKind } from '../quantize/index.ts';
import type { Format, Target } from '../types.ts';
import { AUTO_FORMATS, HALF_FORMATS, INTEGERS_ON_CPU } from './format-table.ts';
import { planVariants } from './plan-variants.ts';

const plan = (options: ModelOptions, kind: ModelKind = 'cnn') => planVariants(resolveModelOptions(options), kind);
const asked = (options: ModelOptions, kind?: ModelKind) => plan(options, kind).map(({ targets, format }) => [targets.join('+'), format]);

describe('planVariants', () => {
  it('makes one artefact where no target is named', () => {
    expect(plan({ format: 'fp16' })).toEqual([{ targets: [], requestedFormat: 'fp16', format: 'fp16', notes: [] }]);
  });

  it.each<[ModelOptions, (string | undefined)[][]]>([
    [{ targets: ['webgpu', 'wasm'] }, [['webgpu', 'int8-storage'], ['wasm', 'int8']]],
    [{ targets: ['wasm', 'node', 'wasm'] }, [['wasm+node', 'int8']]],
    [{ targets: ['wasm', 'webgpu', 'node'], format: 'fp16-storage' }, [['wasm+webgpu+node', 'fp16-storage']]],
    [{ targets: ['webgpu', 'wasm', 'node'], format: { webgpu: 'int8-dynamic', wasm: 'int4' } }, [['webgpu', 'int8-dynamic'], ['wasm', 'int4'], ['node', 'int8']]],
    [{ targets: ['webgpu'], format: { wasm: 'int4' } }, [['webgpu', 'int8-storage']]],
  ])('of %j makes %j', (options, expected) => expect(asked(options)).toEqual(expected));

  it.each<[Format, number]>([['int8', 0], ['int8-dynamic', 1], ['int8-static', 1]])('gives WebGPU no %s, and says so where that is news', (format, notes) => {
    const [only] = plan({ format, targets: ['webgpu'] });
    expect(only?.format).toBe('int8-storage');
    expect(only?.notes.filter((note) => note.includes(`in place of ${format}`))).toHaveLength(notes);
    expect(only?.notes).toHaveLength(notes);
  });

  it.each<[Format, Format, number]>([['int8', 'int8-storage', 0], ['int8-dynamic', 'int8-storage', 1], ['int8-static', 'int8-static', 0]])('of %s makes %s for CUDA', (format, expected, notes) => {
    const [only] = plan({ format, targets: ['node-cuda'] });
    expect(only?.format).toBe(expected);
    expect(only?.notes.filter((note) => note.startsWith('For CUDA'))).toHaveLength(notes);
  });

  it('obeys a format that is given for WebGPU itself, with a warning', () => {
    const [only] = plan({ format: { webgpu: 'int8' }, targets: ['webgpu'] });
    expect(only).toMatchObject({ format: 'int8', notes: [expect.stringContaining('slower than int8-storage')] });
  });

  it('chooses by the kind of model', () => {
    const all = { format: 'auto', targets: Object.keys(TARGETS) as Target[] } as const;
    expect(asked(all, 'cnn')).toEqual([['webgpu', 'int8-storage'], ['wasm+node', 'int8'], ['node-cuda', 'fp16']]);
    expect(asked(all, 'decoder')).toEqual([['webgpu', 'int4-fp16'], ['webgpu+node', 'int4'], ['wasm', 'int8'], ['node-cuda', 'int4-fp16']]);
    expect(asked(all, 'rnn')).toEqual([['webgpu+wasm', 'int8-storage'], ['node', 'int8'], ['node-cuda', 'fp16']]);
  });
});

describe('AUTO_FORMATS', () => {
  const cells = Object.entries(AUTO_FORMATS).flatMap(([target, row]) => Object.entries(row).map(([kind, format]) => ({ target, kind, format })));
  it.each(cells)('for $target and $kind has a format that runs well there', ({ target, format }) => {
    expect(FORMATS).toHaveProperty(format);
    const slow: readonly Format[] = [...(INTEGERS_ON_CPU[target as Target] ?? []), ...(target === 'node-cuda' ? [] : HALF_FORMATS)];
    expect(slow).not.toContain(format);
  });
});
