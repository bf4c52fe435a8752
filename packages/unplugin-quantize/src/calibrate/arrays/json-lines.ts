import { QuantizeError } from '../../errors.ts';

/**
 * The values of a file with one JSON value on each line; empty lines are passed over.
 *
 * @throws QuantizeError SAMPLES_INVALID naming the line
 */
export function parseJsonLines(content: string, path: string): { value: unknown; line: number }[] {
  return content.split(/\r\n|\n/).flatMap((text, i) => (text.trim() === '' ? [] : [{ value: parseJson(text, path, `Line ${i + 1}`), line: i + 1 }]));
}

/** @throws QuantizeError SAMPLES_INVALID with the parser's message */
export function parseJson(text: string, path: string, what = 'The file'): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuantizeError('SAMPLES_INVALID', `${what} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, { option: path, cause });
  }
}
