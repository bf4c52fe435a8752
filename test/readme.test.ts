import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../packages/unplugin-quantize/src/limits.ts';
import { BUDGET_LIMITS, FORMATS, MODEL_OPTIONS, PRESETS, TARGETS } from '../packages/unplugin-quantize/src/options.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const errors = readFileSync(join(root, 'packages/unplugin-quantize/src/errors.ts'), 'utf8');
const codes = [...errors.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code!);

describe('the README', () => {
  it('names the options of static quantization by their names', () => {
    const [, section = ''] = /^### Static INT8\n([^]*?)^### /m.exec(readme) ?? [];
    const named = [...section.matchAll(/^\|.*\| `(\w+)` \|$/gm)].map(([, option]) => option!);
    expect(named).toEqual(expect.arrayContaining(['equalize', 'smooth', 'calibrationMethod', 'biasCorrection', 'reconstruct']));
    for (const option of named) expect(Object.keys(MODEL_OPTIONS)).toContain(option);
  });
});

describe('the README names', () => {
  it.each(Object.keys(FORMATS))('format %s', (format) => expect(readme).toMatch(new RegExp(`^\\| \`${format}\``, 'm')));
  it.each(Object.keys(MODEL_OPTIONS))('option %s', (option) => expect(readme).toMatch(new RegExp(`^\\| \`${option}\``, 'm')));
  it.each(Object.keys(BUDGET_LIMITS))('limit %s', (limit) => expect(readme).toContain(limit));
  it.each(Object.entries(LIMITS))('limit %s of models with its default', (name, row) => expect(readme).toContain(`| \`${name}\` | ${row.default.toLocaleString('en')} |`));
  it.each(Object.entries(PRESETS))('preset %s with what it sets', (name, { help, options }) => {
    // A column for each target is all there is to show as long as presets set nothing but formats.
    expect(Object.keys(options)).toEqual(['format']);
    const { format } = options;
    const formats = Object.keys(TARGETS).map((target) => (typeof format === 'object' ? format[target as keyof typeof TARGETS] : format));
    expect(readme).toContain(`| ${[`\`${name}\``, help, ...formats.map((each) => `\`${each}\``)].join(' | ')} |\n`);
  });
  it.each(codes)('error %s', (code) => expect(readme).toContain(`\`${code}\``));
  it('at least the errors of bad models', () => expect(codes).toContain('MODEL_NOT_ONNX'));
});

describe('the README prints', () => {
  const sections = [...readme.matchAll(/<!-- bench: (\S+) -->\n([^]*?)<!-- \/bench -->/g)].map(([, name, text]) => [name!, text!] as const);
  const rows = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|'));

  it('the table of seeds', () => expect(sections.map(([name]) => name)).toContain('seeds'));
  it.each(sections)('the results of the benchmark %s', (name, text) => {
    const results = join(root, `bench/results/${name}.md`);
    expect(rows(text)).toEqual(existsSync(results) ? rows(readFileSync(results, 'utf8')) : []);
  });
});
