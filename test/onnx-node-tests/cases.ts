import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A value as collect.py writes it; null for sequences, optionals and types that numpy does not have. */
type StoredValue = { dtype: string; dims: number[]; place: [number, number] } | { dtype: 'string'; dims: number[]; strings: string[] } | null;

interface StoredCase {
  name: string;
  model: [number, number];
  inputs: Record<string, StoredValue>;
  outputs: Record<string, StoredValue>;
  rtol: number;
  atol: number;
}

/** Raw little-endian elements, or strings. */
export interface Value {
  dtype: string;
  dims: number[];
  elements: Uint8Array | string[];
}

/** One node test of the standard. */
export interface NodeTest {
  name: string;
  model: Uint8Array;
  /** Null where a value is no plain tensor. */
  inputs: Record<string, Value> | null;
  outputs: Record<string, Value> | null;
  rtol: number;
  atol: number;
}

/** A test whose values are all tensors that can be fed and compared. */
export interface RunnableTest extends NodeTest {
  inputs: Record<string, Value>;
  outputs: Record<string, Value>;
}

/** All node tests from the folder that collect.py filled, in order of their names. */
export function readNodeTests(folder: string): NodeTest[] {
  const bytes = readFileSync(join(folder, 'cases.bin'));
  const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as { cases: StoredCase[] };
  // Copies, because typed arrays want their elements aligned.
  const at = ([offset, length]: [number, number]): Uint8Array => new Uint8Array(bytes.subarray(offset, offset + length));
  const value = (stored: NonNullable<StoredValue>): Value =>
    ({ dtype: stored.dtype, dims: stored.dims, elements: 'strings' in stored ? stored.strings : at(stored.place) });
  const values = (stored: Record<string, StoredValue>): Record<string, Value> | null => {
    const entries = Object.entries(stored).flatMap(([name, entry]) => (entry === null ? [] : [[name, value(entry)] as const]));
    return entries.length === Object.keys(stored).length ? Object.fromEntries(entries) : null;
  };
  return cases.map(({ model, inputs, outputs, ...rest }) => ({ ...rest, model: at(model), inputs: values(inputs), outputs: values(outputs) }));
}
