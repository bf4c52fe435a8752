import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import { QuantizeError } from '../../errors.ts';
import { parseJson } from '../arrays/json-lines.ts';
import { loadOptional } from '../optional-package.ts';
import { decodeText } from './rows.ts';

/** Token ids of a text with special tokens, and the number of the sentence that each belongs to. */
export interface Encoded {
  ids: number[];
  types: number[];
}

export interface TextEncoder {
  /** @param maxLength tokens to keep, special ones included; Infinity keeps all */
  encode(text: string, maxLength: number): Encoded;
  /** Tokens that tokenizer.json cuts after. */
  maxLength: number | undefined;
  padding: { id: number; type: number; isLeft: boolean };
}

export const CONFIG_FILE = 'tokenizer_config.json';

/** The parts of the two files that the library does not act on. */
interface Settings {
  truncation?: { max_length?: unknown; direction?: unknown } | null;
  padding?: { pad_id?: unknown; pad_type_id?: unknown; direction?: unknown } | null;
  model_max_length?: unknown;
  pad_token?: unknown;
  padding_side?: unknown;
  truncation_side?: unknown;
}

/**
 * Loads tokenizer.json and the tokenizer_config.json beside it, where there is one.
 *
 * @throws QuantizeError READER_MISSING, SAMPLES_NOT_FOUND, SAMPLES_INVALID
 */
export async function loadTokenizer(path: string): Promise<TextEncoder> {
  const json = await readObject(path);
  const configPath = join(dirname(path), CONFIG_FILE);
  const config = (await exists(configPath)) ? await readObject(configPath) : {};
  const { Tokenizer } = await loadOptional('@huggingface/tokenizers', 'Texts', () => import('@huggingface/tokenizers'));
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(json, config);
  } catch (cause) {
    throw new QuantizeError('SAMPLES_INVALID', `The tokenizer cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { option: path, hint: 'Give the tokenizer.json of the model.', cause });
  }
  return makeEncoder(tokenizer, json, config);
}

function makeEncoder(tokenizer: Tokenizer, { truncation, padding }: Settings, config: Settings): TextEncoder {
  const cutsLeft = isLeft(truncation?.direction ?? config.truncation_side);
  return {
    encode(text, maxLength) {
      const { ids, token_type_ids: types } = tokenizer.encode(text, { return_token_type_ids: true });
      if (ids.length <= maxLength) return { ids, types };
      const { ids: bare } = tokenizer.encode(text, { add_special_tokens: false });
      const kept = keptPlaces(ids, bare, maxLength, cutsLeft);
      return { ids: kept.map((i) => ids[i]!), types: kept.map((i) => types[i]!) };
    },
    maxLength: lengthOf(truncation?.max_length) ?? lengthOf(config.model_max_length),
    padding: {
      id: numberOf(padding?.pad_id) ?? padIdOf(tokenizer, config.pad_token),
      type: numberOf(padding?.pad_type_id) ?? 0,
      isLeft: isLeft(padding?.direction ?? config.padding_side),
    },
  };
}

/**
 * Places of the tokens that stay when a text is cut: special ones before and after it all, of the text's own as many as there is room for.
 *
 * @param all tokens with special ones, in which `bare` is one run
 */
function keptPlaces(all: readonly number[], bare: readonly number[], maxLength: number, cutsLeft: boolean): number[] {
  const specials = all.length - bare.length;
  const room = Math.max(0, maxLength - specials);
  let start = 0;
  while (start < specials && !bare.every((id, i) => id === all[start + i])) start++;
  const dropFrom = cutsLeft ? start : start + room;
  const dropTo = cutsLeft ? start + bare.length - room : start + bare.length;
  return all.flatMap((_, i) => (i >= dropFrom && i < dropTo ? [] : [i]));
}

function padIdOf(tokenizer: Tokenizer, given: unknown): number {
  const named = typeof given === 'object' && given !== null && 'content' in given ? given.content : given;
  for (const token of [named, '[PAD]', '<pad>', '<|endoftext|>']) {
    const id = typeof token === 'string' ? tokenizer.token_to_id(token) : undefined;
    if (id !== undefined) return id;
  }
  return 0;
}

function isLeft(direction: unknown): boolean {
  return typeof direction === 'string' && direction.toLowerCase() === 'left';
}

function numberOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/** Configurations write 10^30 for no limit. */
function lengthOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && value < 1e7 ? Math.floor(value) : undefined;
}

async function readObject(path: string): Promise<Settings & object> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new QuantizeError('SAMPLES_NOT_FOUND', 'The tokenizer cannot be read.', { option: path, hint: 'Say where it is: { text, tokenizer }, the tokenizer.json of the model.', cause });
  }
  const value = parseJson(decodeText(bytes, path), path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new QuantizeError('SAMPLES_INVALID', 'The file is not an object.', { option: path, hint: 'Give the tokenizer.json of the model.' });
  return value;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
