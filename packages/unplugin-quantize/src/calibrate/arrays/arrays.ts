import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { ArraySamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { ARRAY_EXTENSIONS, JSON_EXTENSIONS } from '../files/extensions.ts';
import { findFiles, type FoundFile } from '../files/find-files.ts';
import type { LocatedSamples } from '../files/locate.ts';
import { parseNpy } from '../npy.ts';
import { parseNpz } from '../npz.ts';
import type { SampleItem, SampleSource } from '../source.ts';
import type { Feeds, SampleTensor } from '../tensor.ts';
import { decodeText } from '../text/rows.ts';
import { parseJson, parseJsonLines } from './json-lines.ts';
import { cutRow, isRecord, joinRows, mapValues } from './rows.ts';

/** What one file holds: arrays of numpy by name (a lone one under no name), or samples written in JSON. */
type Content = { feeds: Feeds } | { tensor: SampleTensor } | { samples: { value: unknown; line: number }[] };

interface Part extends SampleItem {
  /** Row of an array or place in a list; undefined for the whole. */
  at?: number;
}

/**
 * Arrays as they are. Files are read one by one and only the last is kept.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID
 */
export async function openArrays({ at, spec: given }: LocatedSamples): Promise<SampleSource> {
  const spec = given as Partial<ArraySamples>;
  const files = await findFiles(at, [...ARRAY_EXTENSIONS, ...JSON_EXTENSIONS], 'arrays');
  const read = lastRead();
  const items: Part[] = [];
  for (const file of files) items.push(...(await partsOf(file, spec.batch, read)));
  return {
    items,
    files: [],
    batch: spec.batch ?? 1,
    isBatchFixed: false,
    async read(indices) {
      const rows: unknown[] = [];
      for (const index of indices) rows.push(valueAt(await read(items[index]!.file), items[index]!.at));
      const value = spec.batch === undefined ? rows[0] : joinRows(rows as (SampleTensor | Feeds)[], items[indices[0]!]!.file);
      return renamed(value, spec.inputs, items[indices[0]!]!.file);
    },
  };
}

function lastRead(): (file: FoundFile) => Promise<Content> {
  let last: { path: string; content: Content } | undefined;
  return async (file) => {
    if (last?.path !== file.path) last = { path: file.path, content: await readContent(file) };
    return last.content;
  };
}

async function readContent({ path }: FoundFile): Promise<Content> {
  const bytes = await readFile(path);
  switch (extname(path).toLowerCase()) {
    case '.npz':
      return { feeds: parseNpz(bytes, path) };
    case '.npy':
      return { tensor: parseNpy(bytes, path) };
    case '.jsonl':
      return { samples: parseJsonLines(decodeText(bytes, path), path) };
    case '.json': {
      const value = parseJson(decodeText(bytes, path), path);
      return { samples: (Array.isArray(value) ? value : [value]).map((each: unknown, i) => ({ value: each, line: i })) };
    }
    default:
      throw new QuantizeError('SAMPLES_INVALID', `Arrays cannot be read from a ${extname(path) || 'nameless'} file.`, { option: path, hint: `Use ${[...ARRAY_EXTENSIONS, ...JSON_EXTENSIONS].join(' ')}.` });
  }
}

async function partsOf(file: FoundFile, batch: number | undefined, read: (file: FoundFile) => Promise<Content>): Promise<Part[]> {
  const isJson = JSON_EXTENSIONS.includes(extname(file.path).toLowerCase());
  if (isJson && batch !== undefined) {
    throw new QuantizeError('OPTION_INVALID', 'Samples written in JSON are not put into batches.', { option: 'calibration.batch', hint: 'Write each batch as one sample.' });
  }
  if (!isJson && batch === undefined) return [{ name: file.name, file }];
  const content = await read(file);
  if ('samples' in content) return content.samples.map(({ line }, i) => ({ name: `${file.name}:${line}`, file, at: i }));
  return Array.from({ length: rowsIn(content, file) }, (_, i) => ({ name: `${file.name}:${i}`, file, at: i }));
}

/** @throws QuantizeError SAMPLES_INVALID when arrays have different numbers of rows, or none */
function rowsIn(content: { feeds: Feeds } | { tensor: SampleTensor }, { path }: FoundFile): number {
  const tensors = 'tensor' in content ? [['', content.tensor] as const] : Object.entries(content.feeds);
  const counts = tensors.map(([name, { dims }]) => [name, dims[0]] as const);
  const [first] = counts;
  const odd = counts.find(([, count]) => count === undefined || count !== first![1]);
  if (odd === undefined) return first?.[1] ?? 0;
  throw new QuantizeError('SAMPLES_INVALID', `The array "${odd[0]}" has ${odd[1] ?? 'no'} rows where "${first![0]}" has ${first![1] ?? 'none'}.`, { option: path, hint: '`batch` cuts all arrays of a file into rows; leave it out to feed them whole.' });
}

/** A lone array stays without a name: the only input of a model is meant. */
function valueAt(content: Content, at: number | undefined): unknown {
  if ('samples' in content) return content.samples[at!]!.value;
  if ('tensor' in content) return at === undefined ? content.tensor : cutRow(content.tensor, at);
  return at === undefined ? content.feeds : mapValues(content.feeds, (tensor) => cutRow(tensor, at));
}

/** Arrays of the file under the names of the inputs. */
function renamed(value: unknown, inputs: Record<string, string> | undefined, { path }: FoundFile): unknown {
  if (inputs === undefined) return value;
  const arrays = isRecord(value) ? value : {};
  const missing = Object.values(inputs).find((array) => !Object.hasOwn(arrays, array));
  if (missing === undefined) return mapValues(inputs, (array) => arrays[array]);
  throw new QuantizeError('SAMPLES_INVALID', `There is no array "${missing}".`, { option: path, hint: didYouMean(missing, Object.keys(arrays)) });
}
