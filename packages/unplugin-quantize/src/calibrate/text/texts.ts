import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { TextSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { TEXT_EXTENSIONS } from '../files/extensions.ts';
import { findFiles, type FoundFile } from '../files/find-files.ts';
import type { LocatedSamples } from '../files/locate.ts';
import { batchOf, type SampleItem, type SampleSource, type SourceContext } from '../source.ts';
import { readRows, type TextRow } from './rows.ts';
import { findTokenInputs, type TokenInput } from './token-inputs.ts';
import { CONFIG_FILE, loadTokenizer, type Encoded, type TextEncoder } from './tokenizer.ts';

/**
 * Texts as token ids and what goes with them. The tokenizer is loaded when the first sample is read.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID, OPTION_INVALID; READER_MISSING when a sample is read
 */
export async function openTexts({ at, tokenizer: given, spec: anySpec }: LocatedSamples, context: SourceContext): Promise<SampleSource> {
  const spec = anySpec as Partial<TextSamples>;
  const files = await findFiles(at, [...TEXT_EXTENSIONS, '.jsonl'], 'texts');
  const tokenizerPath = given ?? join(dirname(files[0]!.path), 'tokenizer.json');
  const tokenizerFiles = await filesOfTokenizer(tokenizerPath, given !== undefined);
  const inputs = findTokenInputs(spec, context);
  const texts: TextRow[] = [];
  const items: SampleItem[] = [];
  for (const file of files) {
    for (const row of await readRows(file, spec)) {
      texts.push(row);
      items.push({ name: `${file.name}:${row.line}`, file, ...(row.label !== undefined && { label: row.label }) });
    }
  }
  const dims = inputs.find(({ channel }) => channel === 'ids')!.signature.dims;
  const isBatched = dims === null || dims.length === 2;
  const own = typeof dims?.at(-1) === 'number' ? (dims.at(-1) as number) : undefined;
  let encoder: TextEncoder | undefined;
  return {
    items,
    files: tokenizerFiles,
    ...(isBatched ? batchOf(spec.batch, dims?.[0]) : { batch: 1, isBatchFixed: false }),
    async read(indices) {
      encoder ??= await loadTokenizer(tokenizerPath);
      const padTo = typeof spec.padding === 'number' ? spec.padding : own;
      const limit = spec.maxLength ?? Math.min(encoder.maxLength ?? Infinity, padTo ?? Infinity);
      const encoded = indices.map((i) => encoder!.encode(texts[i]!.text, limit));
      return feedsOf(encoded, inputs, encoder, padTo ?? 0, isBatched);
    },
  };
}

function feedsOf(encoded: readonly Encoded[], inputs: readonly TokenInput[], { padding }: TextEncoder, least: number, isBatched: boolean): Record<string, unknown> {
  const length = Math.max(least, ...encoded.map(({ ids }) => ids.length));
  const padded = (values: readonly number[], fill: number): number[] => {
    const rest = Array.from({ length: length - values.length }, () => fill);
    return padding.isLeft ? [...rest, ...values] : [...values, ...rest];
  };
  const channels = {
    ids: () => encoded.flatMap(({ ids }) => padded(ids, padding.id)),
    types: () => encoded.flatMap(({ types }) => padded(types, padding.type)),
    mask: () => encoded.flatMap(({ ids }) => padded(ids.map(() => 1), 0)),
    positions: () => encoded.flatMap(({ ids }) => padded(ids.map((_, i) => i), 0)),
  };
  const dims = isBatched ? [encoded.length, length] : [length];
  return Object.fromEntries(inputs.map(({ signature, channel }) => [signature.name, { data: channels[channel](), dims: signature.dims?.length === 1 ? [length] : dims }]));
}

async function filesOfTokenizer(path: string, isGiven: boolean): Promise<FoundFile[]> {
  const [tokenizer, config] = await Promise.all([path, join(dirname(path), CONFIG_FILE)].map((file) => stat(file).then((found) => found.isFile(), () => false)));
  if (!tokenizer) {
    throw new QuantizeError('SAMPLES_NOT_FOUND', isGiven ? 'There is no such tokenizer.' : 'There is no tokenizer.json beside the texts.', {
      option: path,
      hint: "Say where it is: calibration: { text: './lines.txt', tokenizer: './tokenizer.json' }. It comes with the model.",
    });
  }
  const found = [path, ...(config ? [join(dirname(path), CONFIG_FILE)] : [])];
  return found.map((file) => ({ path: file, name: `tokenizer/${basename(file) === CONFIG_FILE ? CONFIG_FILE : 'tokenizer.json'}` }));
}
