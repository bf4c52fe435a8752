import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleReference } from '../../../../../test/support/sample-reference.ts';
import type { TextSamples } from '../../calibration.ts';
import type { ValueSignature } from '../../types.ts';
import { locateSamples } from '../files/locate.ts';
import { openLabelledSamples, type LabelledSample } from '../samples.ts';
import type { SampleTensor } from '../tensor.ts';

let root: string;
function write(name: string, content: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'texts-'));
  for (const { name, tokenizer } of sampleReference.texts) {
    write(`${name}/tokenizer.json`, JSON.stringify(tokenizer));
    write(`${name}/lines.txt`, sampleReference.lines.join('\n'));
  }
  write('wordpiece/a.tsv', 'text\tclass\r\nthe fox\tb\r\nthe dog\ta\r\n\r\n');
  write('wordpiece/b.csv', '\ufefflabel,words\n1,"a ""quick"" dog,\nlazy"\n0,fox\n');
  write('wordpiece/c.jsonl', '{"text":"the fox","label":10}\n\n"dog"\n');
  write('wordpiece/quote.csv', 'a"b,c\n');
  write('wordpiece/bad.jsonl', '{"text":"a"}\n{"text":}\n');
  write('wordpiece/latin1.txt', '');
  writeFileSync(join(root, 'wordpiece/latin1.txt'), Buffer.from([0x66, 0xfc, 0x72]));
  write('alone/lines.txt', 'a');
  write('odd/tokenizer.json', '{"model":{"type":"Mystery"}}');
  write('odd/lines.txt', 'a');
  write('config/tokenizer.json', JSON.stringify({ ...sampleReference.texts[0]!.tokenizer, truncation: null, padding: null }));
  write('config/tokenizer_config.json', JSON.stringify({ model_max_length: 3, pad_token: '[SEP]', padding_side: 'left' }));
  write('config/lines.txt', 'the quick brown fox\na');
});
afterAll(() => rmSync(root, { recursive: true }));

const wide = (name: string): ValueSignature => ({ name, dtype: 'int64', dims: ['batch', 'sequence'] });
const BERT = ['input_ids', 'attention_mask', 'token_type_ids'].map(wide);

async function take(spec: TextSamples | string, inputs: ValueSignature[]): Promise<LabelledSample[]> {
  const samples: LabelledSample[] = [];
  for await (const sample of openLabelledSamples(locateSamples(spec, root), { inputs })) samples.push(sample);
  return samples;
}
const rows = (sample: LabelledSample | undefined, name: string): number[][] => {
  const { dims, data } = (sample!.feeds as Record<string, SampleTensor>)[name]!;
  const width = dims.at(-1)!;
  return Array.from({ length: data.length / width }, (_, i) => Array.from(data.slice(i * width, (i + 1) * width), Number));
};
const ids = (samples: LabelledSample[], name = 'input_ids'): number[][] => samples.flatMap((sample) => rows(sample, name));

describe.each(sampleReference.texts)('with the tokenizer $name', ({ name, cases }) => {
  it.each(cases)('ids are those of tokenizers, at most $maxLength', async ({ maxLength, single, ids: padded, mask, types }) => {
    const text = `${name}/lines.txt`;
    expect(ids(await take({ text, maxLength }, [wide('input_ids')]))).toEqual(single);
    const [batch] = await take({ text, maxLength, batch: sampleReference.lines.length }, BERT);
    expect(rows(batch, 'input_ids')).toEqual(padded);
    expect(rows(batch, 'attention_mask')).toEqual(mask);
    expect(rows(batch, 'token_type_ids')).toEqual(types);
  });
});

describe('texts', () => {
  const lines = 'wordpiece/lines.txt';
  const single = sampleReference.texts[0]!.cases[0]!.single;

  it('are padded and cut to the length of the input', async () => {
    const [sample] = await take(lines, [{ name: 'input_ids', dtype: 'int32', dims: [1, 40] }]);
    expect(rows(sample, 'input_ids')).toEqual([[...single[0]!, ...Array.from({ length: 40 - single[0]!.length }, () => 0)]]);
    expect(ids(await take(lines, [{ name: 'ids', dtype: 'int64', dims: [4] }]), 'ids')).toEqual(sampleReference.texts[0]!.cases[2]!.single.map((row) => [...row, 0, 0, 0].slice(0, 4)));
    expect(ids(await take({ text: lines, padding: 33, limit: 1, seed: 0 }, [wide('input_ids')]))[0]).toHaveLength(33);
  });

  it('come from columns, with labels', async () => {
    const tsv = await take({ text: 'wordpiece/a.tsv', column: 'text', label: 'class' }, [wide('input_ids')]);
    expect(tsv.map(({ name, labels }) => [name, labels])).toEqual([['a.tsv:2', [{ name: 'b', index: 1 }]], ['a.tsv:3', [{ name: 'a', index: 0 }]]]);
    const csv = await take({ text: 'wordpiece/b.csv', column: 'words', label: 'label' }, [wide('input_ids')]);
    expect(csv.map(({ name, labels }) => [name, labels])).toEqual([['b.csv:2', [{ name: '1', index: 1 }]], ['b.csv:4', [{ name: '0', index: 0 }]]]);
    expect(ids(await take({ text: 'wordpiece/a.tsv', column: -2 }, [wide('input_ids')]))[1]).toEqual(ids(tsv)[0]);
    expect(ids(await take({ text: 'wordpiece/c.jsonl' }, [wide('input_ids')]))[0]).toEqual(ids(tsv)[0]);
  });

  it('go to inputs by name, or as the user says', async () => {
    const inputs = [wide('tokens'), wide('keep'), wide('position_ids')];
    const [sample] = await take({ text: lines, inputs: { keep: 'mask' }, limit: 1 }, inputs);
    const length = rows(sample, 'tokens')[0]!.length;
    expect(rows(sample, 'keep')).toEqual([Array.from({ length }, () => 1)]);
    expect(rows(sample, 'position_ids')).toEqual([Array.from({ length }, (_, i) => i)]);
  });

  it('obey tokenizer_config.json', async () => {
    const [sample] = await take({ text: 'config/lines.txt', batch: 2, padding: 4 }, BERT);
    const [a, b] = rows(sample, 'input_ids');
    expect(rows(sample, 'attention_mask')).toEqual([[0, 1, 1, 1], [0, 1, 1, 1]]);
    expect([a![0], b![0]]).toEqual([3, 3]);
  });

  it.each<[string, TextSamples | string, ValueSignature[], string, RegExp]>([
    ['texts without a tokenizer', 'alone/lines.txt', BERT, 'SAMPLES_NOT_FOUND', /no tokenizer\.json beside the texts/],
    ['a tokenizer that is not there', { text: lines, tokenizer: 'none.json' }, BERT, 'SAMPLES_NOT_FOUND', /no such tokenizer/],
    ['an unknown tokenizer', 'odd/lines.txt', BERT, 'SAMPLES_INVALID', /tokenizer cannot be used/],
    ['a tokenizer that is no JSON', { text: lines, tokenizer: lines }, BERT, 'SAMPLES_INVALID', /is not JSON/],
    ['an input of unknown meaning', lines, [wide('input_ids'), wide('lengths')], 'SAMPLES_INVALID', /input "lengths" int64\[batch,sequence\] takes of a text/],
    ['an input that is not there', { text: lines, inputs: { x: 'ids' } }, BERT, 'OPTION_INVALID', /no input "x"/],
    ['a model of images', lines, [{ name: 'x', dtype: 'float32', dims: [1, 3, 4, 4] }], 'SAMPLES_INVALID', /input "x"/],
    ['a model of sound', lines, [{ name: 'input', dtype: 'float32', dims: [1, null] }], 'SAMPLES_INVALID', /input "input" float32/],
    ['a missing column', { text: 'wordpiece/a.tsv', column: 'words' }, BERT, 'SAMPLES_INVALID', /no column "words"/],
    ['a short row', { text: 'wordpiece/a.tsv', column: 3 }, BERT, 'SAMPLES_INVALID', /Line 1 has 2 columns/],
    ['an open quote', 'wordpiece/quote.csv', BERT, 'SAMPLES_INVALID', /Line 1 has a quote/],
    ['a line that is no JSON', { text: 'wordpiece/bad.jsonl' }, BERT, 'SAMPLES_INVALID', /Line 2 is not JSON/],
    ['a missing field', { text: 'wordpiece/c.jsonl', column: 'words' }, BERT, 'SAMPLES_INVALID', /Line 1 has no text in "words"/],
    ['another encoding', 'wordpiece/latin1.txt', BERT, 'SAMPLES_INVALID', /not in UTF-8/],
  ])('refuse %s', async (_, spec, inputs, code, message) => {
    await expect(take(spec, inputs)).rejects.toThrowError(message);
    await expect(take(spec, inputs)).rejects.toMatchObject({ code });
  });
});
