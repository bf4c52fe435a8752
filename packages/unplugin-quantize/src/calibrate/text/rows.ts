import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { TextSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import type { FoundFile } from '../files/find-files.ts';
import { parseJsonLines } from '../arrays/json-lines.ts';

export interface TextRow {
  text: string;
  label?: string | undefined;
  /** Number of the line or row in its file, from 1. */
  line: number;
}

type Columns = Pick<TextSamples, 'column' | 'label'>;

/**
 * The texts of a file, empty ones left out.
 *
 * @throws QuantizeError SAMPLES_INVALID naming the file, the line and the column that is not there
 */
export async function readRows({ path }: FoundFile, { column, label }: Partial<Columns>): Promise<TextRow[]> {
  const content = decodeText(await readFile(path), path);
  const extension = extname(path).toLowerCase();
  if (extension === '.jsonl') return rowsOfJson(content, path, { column: column ?? 'text', ...(label !== undefined && { label }) });
  const cells = extension === '.csv' ? parseCsv(content, path) : splitLines(content).map((line, i) => ({ cells: extension === '.tsv' ? line.split('\t') : [line], line: i + 1 }));
  return rowsOfCells(cells, path, { column: column ?? 0, ...(label !== undefined && { label }) });
}

/** @throws QuantizeError SAMPLES_INVALID for bytes that are not UTF-8 */
export function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new QuantizeError('SAMPLES_INVALID', 'The text is not in UTF-8.', { option: path, hint: 'Save it as UTF-8.', cause });
  }
}

function splitLines(content: string): string[] {
  return content.split(/\r\n|\n|\r/);
}

interface Cells {
  cells: string[];
  line: number;
}

function rowsOfCells(rows: Cells[], path: string, { column, label }: Columns & { column: number | string }): TextRow[] {
  const isHeaded = typeof column === 'string' || typeof label === 'string';
  const header = isHeaded ? rows[0]?.cells.map((cell) => cell.trim()) ?? [] : [];
  const filled = rows.slice(isHeaded ? 1 : 0).filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
  const [textAt, labelAt] = [column, label].map((asked) => (typeof asked === 'string' ? placeOf(asked, header, path) : asked));
  return filled.flatMap(({ cells, line }) => {
    const text = cellAt(cells, textAt!, path, line);
    if (text.trim() === '') return [];
    return [{ text, line, ...(labelAt !== undefined && { label: cellAt(cells, labelAt, path, line).trim() }) }];
  });
}

function placeOf(asked: string, header: readonly string[], path: string): number {
  const place = header.indexOf(asked);
  if (place === -1) throw new QuantizeError('SAMPLES_INVALID', `There is no column "${asked}" in the first row.`, { option: path, hint: didYouMean(asked, header) });
  return place;
}

function cellAt(cells: readonly string[], column: number, path: string, line: number): string {
  const cell = cells.at(column);
  if (cell !== undefined) return cell;
  throw new QuantizeError('SAMPLES_INVALID', `Line ${line} has ${cells.length} columns, so there is no column ${column}.`, { option: path });
}

/** Comma-separated values of RFC 4180: quoted cells may hold commas, line ends and doubled quotes. */
function parseCsv(content: string, path: string): Cells[] {
  const rows: Cells[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy;
  let row: Cells = { cells: [], line: 1 };
  let line = 1;
  while (pattern.lastIndex < content.length) {
    const match = pattern.exec(content);
    if (match === null) throw new QuantizeError('SAMPLES_INVALID', `Line ${line} has a quote inside a cell that does not begin with one, or one that is not closed.`, { option: path });
    const [whole, quoted, plain, end] = match;
    row.cells.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    line += whole.match(/\r\n|\n|\r/g)?.length ?? 0;
    if (end === ',') {
      if (pattern.lastIndex === content.length) row.cells.push('');
      else continue;
    }
    rows.push(row);
    row = { cells: [], line };
  }
  return rows;
}

function rowsOfJson(content: string, path: string, { column, label }: Columns & { column: number | string }): TextRow[] {
  return parseJsonLines(content, path).flatMap(({ value, line }) => {
    const text = typeof value === 'string' ? value : field(value, column);
    if (typeof text !== 'string') throw new QuantizeError('SAMPLES_INVALID', `Line ${line} has no text in "${column}".`, { option: path, hint: 'Say which field has it: { text, column }.' });
    if (text.trim() === '') return [];
    const name = label === undefined ? undefined : field(value, label);
    if (label !== undefined && !['string', 'number', 'boolean'].includes(typeof name)) throw new QuantizeError('SAMPLES_INVALID', `Line ${line} has no label in "${label}".`, { option: path });
    return [{ text, line, ...(label !== undefined && { label: String(name) }) }];
  });
}

function field(value: unknown, name: number | string): unknown {
  if (Array.isArray(value)) return typeof name === 'number' ? (value.at(name) as unknown) : undefined;
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
