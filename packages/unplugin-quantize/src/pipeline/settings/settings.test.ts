import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../options.ts';
import { createSettings, readSidecar, sidecarFiles } from './index.ts';
import { pathsFrom } from './sidecar-paths.ts';

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'settings-'))));
afterEach(() => rmSync(root, { recursive: true }));

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

describe('createSettings', () => {
  it('lets the query win over the file beside the model, that over models, a later entry over an earlier one, and those over the plugin', async () => {
    write({ 'a/m.onnx.quantize.json': '{ "block": 64, "minElements": 4 }' });
    const plugin: ModelOptions = { format: 'int4', block: 16, minElements: 1, sampleLimit: 1, keepNames: true };
    const models = [
      { match: 'a/*.onnx', sampleLimit: 2, block: 32, algorithm: 'rtn' as const },
      { match: ['b/*', 'a/m.onnx'], algorithm: 'hqq' as const },
      { match: '*.onnx', algorithm: 'k-quant' as const },
    ];
    const { options, origins } = await createSettings(plugin, models)(root, join(root, 'a/m.onnx'), { minElements: 8 });
    expect(options).toMatchObject({ format: 'int4', keepNames: true, sampleLimit: 2, algorithm: 'hqq', block: 64, minElements: 8, symmetric: undefined });
    expect(origins).toMatchObject({
      format: 'plugin options', sampleLimit: 'models[0] (a/*.onnx)', algorithm: 'models[1] (b/*, a/m.onnx)', block: 'm.onnx.quantize.json', minElements: 'query', symmetric: 'default',
    });
  });

  it('lets a preset win over what is said above its place, and lose to what is said beside it or below', async () => {
    write({ 'm.onnx.quantize.json': '{ "preset": "most-accurate", "block": 64 }' });
    const find = createSettings({ preset: 'fastest', format: 'int8', block: 16 }, [{ match: 'a.onnx', preset: 'smallest' }, { match: 'b.onnx', preset: 'smallest', format: 'int4' }]);
    const found = async (model: string, query: ModelOptions = {}) => {
      const { options, origins } = await find(root, join(root, model), query);
      return [options.preset, options.format, origins.format, origins.preset, origins.block];
    };
    expect(await found('other.onnx')).toEqual(['fastest', 'int8', 'plugin options', 'plugin options', 'plugin options']);
    expect(await found('a.onnx')).toEqual(['smallest', expect.objectContaining({ wasm: 'int4-storage' }), 'preset smallest', 'models[0] (a.onnx)', 'plugin options']);
    expect(await found('b.onnx')).toEqual(['smallest', 'int4', 'models[1] (b.onnx)', 'models[1] (b.onnx)', 'plugin options']);
    expect(await found('b.onnx', { preset: 'balanced' })).toEqual(['balanced', 'auto', 'preset balanced', 'query', 'plugin options']);
    expect(await found('m.onnx')).toEqual(['most-accurate', 'fp16-storage', 'preset most-accurate', 'm.onnx.quantize.json', 'm.onnx.quantize.json']);
    expect(await found('m.onnx', { format: 'none' })).toEqual(['most-accurate', 'none', 'query', 'm.onnx.quantize.json', 'm.onnx.quantize.json']);
  });

  it.each([
    ['./a/**', 'a/b/m.onnx', true],
    ['/a/*.onnx', 'a/m.onnx', true],
    ['**/m.onnx', 'm.onnx', true],
    ['*.onnx', 'a/m.onnx', false],
    ['pkg/m.onnx', 'node_modules/.pnpm/pkg@1/node_modules/pkg/m.onnx', true],
    ['../x/m.onnx', '../x/m.onnx', true],
  ])('%s is for %s: %s', async (match, model, fits) => {
    const { options } = await createSettings({}, [{ match, format: 'fp16' }])(root, join(root, model), {});
    expect(options.format).toBe(fits ? 'fp16' : 'int8');
  });

  it.each<[unknown, string, string]>([
    [{ match: 'm.onnx', formt: 'int4' }, 'models[0] (m.onnx): There is no option "formt". [OPTION_UNKNOWN]', 'Did you mean "format"?'],
    [{ match: 'm.onnx', format: 'int5' }, 'models[0] (m.onnx): "int5" is not a value of "format". [OPTION_INVALID]', 'Did you mean "int8"?'],
    [{ match: 'm.onnx', preset: 'fast' }, 'models[0] (m.onnx): "fast" is not a value of "preset". [OPTION_INVALID]', 'Known: balanced, smallest, fastest, most-accurate.'],
    [{ format: 'int4' }, '"models[0].match" is neither a pattern nor a list of them. [OPTION_INVALID]', 'match: "ocr/*.onnx"'],
    ['m.onnx', '"models[0]" is not an object. [OPTION_INVALID]', 'match'],
  ])('refuses %o', (rule, message, hint) => {
    expect(() => createSettings({}, [rule as { match: string }])).toThrow(message);
    expect(() => createSettings({}, [rule as { match: string }])).toThrow(hint);
    expect(() => createSettings({}, rule as [])).toThrow('"models" is not a list.');
  });
});

describe('readSidecar', () => {
  const read = () => readSidecar(join(root, 'm.onnx'));

  it('reads JSON, and modules as they are now', async () => {
    expect(await read()).toBe(undefined);
    write({ 'm.onnx.quantize.json': '{ "format": "fp16" }' });
    expect(await read()).toEqual({ from: 'm.onnx.quantize.json', options: { format: 'fp16' } });
    rmSync(join(root, 'm.onnx.quantize.json'));
    write({ 'm.onnx.quantize.ts': "import { format } from './format.ts';\nconst exclude: RegExp[] = [/head/];\nexport default { format, exclude };", 'format.ts': "export const format: string = 'int4';" });
    expect(await read()).toEqual({ from: 'm.onnx.quantize.ts', options: { format: 'int4', exclude: [/head/] } });
    expect(await sidecarFiles(join(root, 'm.onnx'))).toEqual(['m.onnx.quantize.json', 'm.onnx.quantize.ts', 'format.ts', 'm.onnx.quantize.js', 'm.onnx.quantize.mjs'].map((name) => join(root, name)));
    write({ 'format.ts': "export const format = 'int8-storage';" });
    expect((await read())!.options.format).toBe('int8-storage');
  });

  it.each<[Record<string, string>, ...string[]]>([
    [{ 'm.onnx.quantize.json': '{ "exlude": [] }' }, 'm.onnx.quantize.json: There is no option "exlude". [OPTION_UNKNOWN]', '/m.onnx\n', 'option: exlude', 'Did you mean "exclude"?'],
    [{ 'm.onnx.quantize.json': '{ "budget": { "cosin": 1 } }' }, 'm.onnx.quantize.json: There is no budget limit "cosin".', 'Did you mean "cosine"?'],
    [{ 'm.onnx.quantize.json': '{' }, 'm.onnx.quantize.json is not JSON: ', '[OPTION_INVALID]'],
    [{ 'm.onnx.quantize.json': '[]' }, 'm.onnx.quantize.json has no object of options.', '{ "format": "int4" }'],
    [{ 'm.onnx.quantize.ts': 'export const format = 1' }, 'm.onnx.quantize.ts has no object of options.', 'export default'],
    [{ 'm.onnx.quantize.ts': 'throw new Error("no luck")' }, 'm.onnx.quantize.ts failed: no luck'],
    [{ 'm.onnx.quantize.ts': '', 'm.onnx.quantize.json': '{}' }, 'There are m.onnx.quantize.json and m.onnx.quantize.ts.', 'Keep one of them.'],
  ])('refuses %o', async (files, ...texts) => {
    write(files);
    for (const text of texts) await expect(read()).rejects.toThrow(text);
  });
});

describe('pathsFrom', () => {
  it('lets samples start from the folder of the file', () => {
    write({ '[a]/x*.txt': '' });
    const folder = join(root, '[a]');
    const from = (calibration: NonNullable<ModelOptions['calibration']>) => pathsFrom(folder, { calibration }).calibration;
    expect(from('./photos')).toBe(join(folder, 'photos'));
    expect(from('x*.txt')).toBe(join(folder, 'x*.txt'));
    expect(from('./photos/*.jpg')).toBe(`${root}/[[]a]/photos/*.jpg`);
    expect(from('../../{a,b}')).toBe(`${dirname(root)}/{a,b}`);
    expect(from({ text: ['a.txt', '/b.txt'], tokenizer: 't.json', label: 'text' })).toEqual({ text: [join(folder, 'a.txt'), '/b.txt'], tokenizer: join(folder, 't.json'), label: 'text' });
  });
});
