import { QuantizeError } from '../errors.ts';
import type { Options } from '../options.ts';

/** Headers by name, as configuration files have them. */
export type Headers = Record<string, string | number | readonly string[] | undefined>;

/**
 * The headers that make a page cross-origin isolated, which shared memory and so onnxruntime-web's threads need; none where that is not wanted.
 *
 * @throws QuantizeError OPTION_INVALID
 */
export function isolationHeaders(wanted: Options['crossOriginIsolation']): Record<string, string> {
  if (wanted === undefined || wanted === false) return {};
  if (wanted !== true && wanted !== 'credentialless') {
    throw new QuantizeError('OPTION_INVALID', `"crossOriginIsolation" is ${JSON.stringify(wanted)}, which is not true, false or 'credentialless'.`, { option: 'crossOriginIsolation' });
  }
  return { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': wanted === true ? 'require-corp' : wanted };
}

/** Those of the headers that the user has not set; names have no case. */
export function notSetBy(own: Headers | undefined, headers: Readonly<Record<string, string>>): Record<string, string> {
  const named = new Set(Object.keys(own ?? {}).map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !named.has(name.toLowerCase())));
}
