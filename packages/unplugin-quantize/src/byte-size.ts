import { QuantizeError } from './errors.ts';

const UNITS: Record<string, number> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };

/**
 * A number of bytes, or a text such as `2GB` (powers of 1000) or `512 MiB` (of 1024).
 *
 * @returns undefined where nothing is given
 * @throws QuantizeError OPTION_INVALID
 */
export function byteSize(value: unknown, option: string): number | undefined {
  if (value === undefined) return undefined;
  const [, number = '', unit = ''] = typeof value === 'string' ? (/^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(value.trim()) ?? []) : [];
  const bytes = typeof value === 'number' ? value : Math.floor(Number(number === '' ? NaN : number) * (UNITS[unit.toLowerCase()] ?? NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new QuantizeError('OPTION_INVALID', `"${option}" is ${JSON.stringify(value) ?? typeof value}, which is not a size.`, { option, hint: "Give a number of bytes, or a text such as '2GB' or '512MiB'." });
}
