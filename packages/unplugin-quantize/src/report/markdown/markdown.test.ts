import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeReport } from '../../../../../test/support/make-report.ts';
import { annotation, budgetWarnings, reportMarkdown } from '../index.ts';
import { code, escapeMarkdown } from './escape.ts';

describe('reportMarkdown', () => {
  it('is a table, with broken budgets in full and details folded', () => {
    const text = reportMarkdown([makeReport(), makeReport({ name: 'b.onnx', budget: [], baseline: [] })]);
    const lines = text.split('\n');
    expect(lines[0]).toBe('### Quantized models');
    expect(lines[2]).toBe('2 models: 9.49 MB → 2.66 MB (−72.0 %). **One budget is broken. 1 artefact worse than the baseline.**');
    expect(lines[4]).toBe('| model | for | format | before | after | change | brotli | cosine | task | latency | budget |');
    expect(lines[6]).toBe('| <code>b.onnx</code> | wasm | int8 | 4.75 MB | 1.33 MB | −72.0 % | 950.00 kB | 0.9991 | accuracy 90.0 % → 89.0 % | 0.41 × |  |');
    expect(text).toContain('**<code>models/det.onnx</code> does not hold its budget**');
    expect(text).toContain('| ratio | 0.25 | 0.2804 | **broken** |');
    expect(text).toContain('**<code>models/det.onnx</code> is worse than its baseline**\n\n| figure | baseline | now | verdict |\n| --- | ---: | ---: | --- |\n| cosine | 0.9999 | 0.9991 | **regressed** |');
    expect(text.match(/<details>/g)).toHaveLength(2);
    expect(text.match(/<\/details>/g)).toHaveLength(2);
    expect(reportMarkdown([])).toContain('No model was quantized.');
  });

  it('says what a first visit downloads', () => {
    const runtime = { file: 'ort.wasm', bytes: 14_000_000 };
    expect(reportMarkdown([makeReport({ targets: ['wasm'], firstVisit: { model: 1_000_000, runtime } })])).toContain('\n\nfirst visit (wasm)  1.00 MB + onnxruntime-web 14.00 MB = 15.00 MB\n\n');
  });

  it('fits into a comment', () => {
    const many = Array.from({ length: 400 }, (_, i) => makeReport({ name: `models/m${i}.onnx`, budget: [] }));
    expect(reportMarkdown(many).length).toBeLessThan(65_536);
  });

  it('gives no meaning to names', () => {
    expect(code('@user/a|b`c`<img src=x>_x_')).toBe('<code>&#64;user/a&#124;b&#96;c&#96;&#60;img src&#61;x&#62;&#95;x&#95;</code>');
    expect(escapeMarkdown('see @user #12 https://x.y [a](b)')).not.toMatch(/@u|#1|:\/|[[\]()]/);
    assert(property(string({ unit: 'grapheme' }), (name) => {
      expect(code(name).slice(6, -7)).not.toMatch(/[<>|`*@[\]\n\r]/);
      expect(escapeMarkdown(name)).not.toMatch(/[<>|`*[\]\n\r]/);
    }));
  });
});

describe('annotations', () => {
  it('escape what could begin or end a command', () => {
    expect(annotation('error', 'a\n::warning::b 100%\r', { title: 'x:y,z', file: 'm,1.onnx' })).toBe('::error file=m%2C1.onnx,title=x%3Ay%2Cz::a%0A::warning::b 100%25%0D');
    expect(annotation('warning', 'plain')).toBe('::warning::plain');
    assert(property(string(), string(), (message, title) => {
      expect(annotation('error', message, { title })).not.toMatch(/[\r\n]/);
    }));
  });

  it('name each broken limit', () => {
    expect(budgetWarnings([makeReport()])).toEqual(['::warning title=Budget broken::models/det.onnx as int8: ratio was asked to be 0.25 and is 0.2804.']);
  });
});
