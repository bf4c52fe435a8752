import { createHash } from 'node:crypto';
import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeReport } from '../../../../../test/support/make-report.ts';
import { reportHtml } from '../index.ts';
import { decibelAxis, linearAxis, roundTicks, similarityAxis } from './charts/axis.ts';
import { placeLabels } from './charts/labels.ts';
import { paretoFront } from './charts/pareto.ts';
import { escapeHtml, html } from './markup.ts';

describe('markup', () => {
  it('escapes what is put in, and nothing that is markup', () => {
    expect(html`<b title="${'"><script>'}">${['a&b', html`<i>${1}</i>`]}${false}${undefined}${null}</b>`.markup).toBe('<b title="&quot;&gt;&lt;script&gt;">a&amp;b<i>1</i></b>');
  });

  it('leaves no character that ends a text or an attribute, whatever the name', () => {
    assert(property(string({ unit: 'grapheme' }), (name) => {
      expect(escapeHtml(name)).not.toMatch(/[<>"'\u202a-\u202e\u2066-\u2069]|[^\P{Cc}]/u);
    }));
  });
});

it('says what a first visit downloads', () => {
  const runtime = { file: 'ort.wasm', bytes: 14_000_000 };
  expect(reportHtml([makeReport({ targets: ['wasm'], firstVisit: { model: 1_000_000, runtime } })])).toContain('<p class="visit">first visit (wasm)  1.00 MB + onnxruntime-web 14.00 MB = 15.00 MB</p>');
});

describe('axes', () => {
  it.each([
    [0, 100, 5, [0, 20, 40, 60, 80, 100]],
    [0, 0.35, 5, [0, 0.1, 0.2, 0.3]],
    [-3, 4, 5, [-2, 0, 2, 4]],
    [5, 5, 5, [5]],
  ])('from %d to %d have round ticks', (from, to, count, expected) => expect(roundTicks(from, to, count)).toEqual(expected));

  it('linear ones put both ends in their places', () => {
    const axis = linearAxis({ from: 10, to: 20, start: 100, end: 0 }, String);
    expect([10, 15, 20].map((value) => axis.place(value))).toEqual([100, 50, 0]);
  });

  it('similarities are as far apart as their nines, and 1 is at the end', () => {
    const { place, ticks } = similarityAxis(0.95, 0.9999, 100, 0);
    expect(ticks.map(({ label }) => label)).toEqual(['0.9', '0.99', '0.999', '0.9999', '1']);
    const places = ticks.map(({ value }) => Math.round(place(value)));
    expect(places).toEqual([100, 75, 50, 25, 0]);
    expect([place(-0.5), place(0)]).toEqual([100, 100]);
  });

  it.each([[-1, 0.5], [0.2, 0.99999999999], [1, 1], [0.9, 0.9]])('similarities from %d to %d have distinct ticks', (low, high) => {
    const { ticks, place } = similarityAxis(low, high, 200, 0);
    const labels = ticks.map(({ label }) => label);
    expect(new Set(labels).size).toBe(labels.length);
    for (const value of [low, high, 1]) expect(place(value) >= 0 && place(value) <= 200).toBe(true);
  });

  it('decibels end with what is exact', () => {
    const { place, ticks } = decibelAxis(20, 70, 100, 0);
    expect(place(Infinity)).toBe(0);
    expect(ticks.at(-1)!.label).toBe('exact');
    expect(place(70)).toBeGreaterThan(0);
  });
});

describe('plots', () => {
  it('the front has what nothing beats in size and value', () => {
    const points = [{ bytes: 10, value: 1 }, { bytes: 5, value: 0.9 }, { bytes: 6, value: 0.8 }, { bytes: 5, value: 0.95 }, { bytes: 12, value: 1 }];
    expect(paretoFront(points)).toEqual([3, 0]);
  });

  it('labels of points that lie together do not cover each other', () => {
    const points = Array.from({ length: 6 }, (_, i) => ({ x: 300 + i, y: 150, text: `format-${i}` }));
    const places = placeLabels(points, { x: 0, y: 0, width: 640, height: 300 });
    expect(new Set(places.map(({ x, y, anchor }) => `${x} ${y} ${anchor}`)).size).toBe(6);
  });
});

describe('reportHtml', () => {
  const page = reportHtml([makeReport()]);

  it('allows its own script and style and nothing else', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll('&#39;', "'");
    const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
    const [, style] = /<style>(.*?)<\/style>/s.exec(page)!;
    const [, script] = /<script>(.*?)<\/script>/s.exec(page)!;
    expect(policy).toContain(`style-src '${hash(style!)}'`);
    expect(policy).toContain(`script-src '${hash(script!)}'`);
    expect(policy).toContain("default-src 'none'");
    expect(page).not.toMatch(/<[^>]+ (?:style|on\w+)=/);
    expect(page).not.toMatch(/(?:src|href)="(?!#|data:,")/);
  });

  it('shows what there is', () => {
    for (const text of ['models/det.onnx', '4.75 MB', '1.33 MB', '−72.0 %', '950.00 kB', '✗ ratio, cosine of the baseline', 'Against the baseline', '/stem/Conv', '38.2 dB', 'exact', 'has one dimension', '0.41 ×', 'int4, tried', 'Integer kernels do 91.0 %', 'Something that a reader must not miss.', 'against labels']) {
      expect(page).toContain(text);
    }
  });

  it('leaves out what is not there', () => {
    const bare = makeReport({ accuracy: null, weights: [], notes: [], checks: [], budget: [], inputs: [], outputs: [] });
    for (const key of ['latency', 'details', 'attempts', 'integerShare', 'targets', 'baseline'] as const) delete bare[key];
    const text = reportHtml([bare]);
    for (const absent of ['Speed', 'Budget', 'Weights', 'Notes', 'Accuracy against size', 'undefined', 'NaN', 'null']) expect(text.replace(/<(style|script)>.*?<\/\1>/gs, '')).not.toContain(absent);
    expect(reportHtml([])).toContain('No model was quantized.');
  });

  it('is the same for the same models in another order', () => {
    const models = [makeReport(), makeReport({ name: 'b.onnx' }), makeReport({ format: 'fp16', requestedFormat: 'fp16' })];
    expect(reportHtml([...models].reverse())).toBe(reportHtml(models));
  });

  it('has room for many models', () => {
    const many = Array.from({ length: 50 }, (_, i) => makeReport({ name: `m${i}.onnx`, budget: [], baseline: [], weights: Array.from({ length: 500 }, (_, w) => ({ ...makeReport().weights[0]!, tensor: `w${w}` })) }));
    const text = reportHtml(many);
    expect(text.length).toBeLessThan(5_000_000);
    expect(text).toContain('380 smaller ones are in quantize-report.json.');
    expect(text).toContain('id="filter"');
  });
});
