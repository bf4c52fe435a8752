import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MODEL_DEFAULTS, PRESETS, resolveModelOptions, SAMPLED_FORMATS, TARGETS, type ModelOptions } from './options.ts';

describe('resolveModelOptions', () => {
  it('fills in defaults; later layers win with the keys that they set', () => {
    expect(resolveModelOptions()).toEqual(MODEL_DEFAULTS);
    const resolved = resolveModelOptions({ format: 'fp16', sampleLimit: 7 }, { format: 'int8-storage', calibration: undefined });
    expect(resolved).toEqual({ ...MODEL_DEFAULTS, format: 'int8-storage', sampleLimit: 7 });
  });

  it('takes expressions among names, also of another realm', () => {
    const other = runInNewContext('/x/i') as RegExp;
    expect(resolveModelOptions({ exclude: ['a', /b/], include: [other] })).toEqual({ ...MODEL_DEFAULTS, exclude: ['a', /b/], include: [other] });
  });

  it('puts a preset right below the layer that names it last', () => {
    expect(resolveModelOptions({ preset: 'smallest' })).toEqual({ ...MODEL_DEFAULTS, ...PRESETS.smallest.options, preset: 'smallest' });
    const formatOf = (...layers: ModelOptions[]) => resolveModelOptions(...layers).format;
    expect(formatOf({ preset: 'smallest', format: 'fp16' })).toBe('fp16');
    expect(formatOf({ preset: 'smallest' }, { format: 'fp16' })).toBe('fp16');
    expect(formatOf({ format: 'fp16' }, { preset: 'smallest' })).toEqual(PRESETS.smallest.options.format);
    expect(formatOf({ preset: 'smallest' }, { preset: 'balanced' })).toBe('auto');
    expect(formatOf({ preset: 'smallest' }, { format: 'fp16' }, { preset: 'balanced' })).toBe('auto');
    expect(formatOf({ preset: 'balanced' }, { preset: undefined } as unknown as ModelOptions)).toBe('auto');
  });

  it.each(Object.entries(PRESETS))('has a preset %s of valid options, without a limit or a format that needs samples', (_, { options }) => {
    const { format, budget, calibration } = resolveModelOptions(options);
    expect([budget, calibration]).toEqual([{}, undefined]);
    const formats = typeof format === 'object' ? Object.values(format) : [format];
    expect(formats.length).toBe(typeof format === 'object' ? Object.keys(TARGETS).length : 1);
    for (const each of formats) expect(SAMPLED_FORMATS).not.toContain(each);
  });

  it.each<[unknown, string, RegExp]>([
    [{ preset: 'smalest' }, 'OPTION_INVALID', /"smalest" is not a value of "preset"[^]*Did you mean "smallest"\?/],
    [{ preset: 'toString' }, 'OPTION_INVALID', /Known: balanced, smallest, fastest, most-accurate/],
    [{ preset: ['smallest'] }, 'OPTION_INVALID', /is not a value of "preset"/],
    [{ fromat: 'int8' }, 'OPTION_UNKNOWN', /There is no option "fromat"[^]*Did you mean "format"\?/],
    [{ format: 'int9' }, 'OPTION_INVALID', /"int9" is not a value of "format"[^]*Did you mean "int8"\?/],
    [{ ops: 'MatMul' }, 'OPTION_INVALID', /"ops" is "MatMul", which is not a list/],
    [{ ops: ['Matmul'] }, 'OPTION_INVALID', /Did you mean "MatMul"\?/],
    [{ exclude: /x/ }, 'OPTION_INVALID', /"exclude" is \{\}, which is not a list of names and regular expressions/],
    [{ include: [1] }, 'OPTION_INVALID', /"include"/],
    [{ excludeOps: [/x/] }, 'OPTION_INVALID', /which is not a list of strings/],
    [{ minElements: 0 }, 'OPTION_INVALID', /"minElements" is 0, which is not a whole number above 0/],
    [{ calibration: '' }, 'OPTION_INVALID', /a path/],
    [{ block: 48 }, 'OPTION_INVALID', /"block" is 48, which is not one of 16, 32, 64, 128, 256/],
    [{ block: '32' }, 'OPTION_INVALID', /"block" is "32"/],
    [{ algorithm: 'rnt' }, 'OPTION_INVALID', /Did you mean "rtn"\?/],
    [{ symmetric: 'yes' }, 'OPTION_INVALID', /true or false/],
    [{ mixed: 'head' }, 'OPTION_INVALID', /"mixed" is "head", which is not a list/],
    [{ sampleLimit: 0 }, 'OPTION_INVALID', /a whole number above 0/],
    [{ verify: 'no' }, 'OPTION_INVALID', /true or false/],
    [{ budget: { cosin: 0.9 } }, 'OPTION_UNKNOWN', /Did you mean "cosine"\?/],
    [{ budget: { latency: 5 } }, 'OPTION_UNKNOWN', /Known: cosine, accuracyDrop, floors/],
    [{ budget: { cosine: 1.01 } }, 'OPTION_INVALID', /"budget.cosine" is 1\.01, which is not a number from 0 to 1/],
    [{ budget: { cosine: NaN } }, 'OPTION_INVALID', /is NaN/],
    [{ budget: { maxBytes: 1.5 } }, 'OPTION_INVALID', /whole number of bytes/],
    [{ budget: { ratio: 0 } }, 'OPTION_INVALID', /a number above 0/],
    [{ budget: { ratio: Infinity } }, 'OPTION_INVALID', /is Infinity/],
    [{ budget: null }, 'OPTION_INVALID', /an object of limits/],
  ])('refuses %j', (layer, code, message) => {
    expect(() => resolveModelOptions(layer as ModelOptions)).toThrowError(message);
    expect(() => resolveModelOptions(layer as ModelOptions)).toThrowError(expect.objectContaining({ code }));
  });
});
