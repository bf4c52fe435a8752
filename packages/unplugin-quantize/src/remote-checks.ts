import type { RemoteCacheSpec, RemoteDriver } from './cache-options.ts';
import { QuantizeError } from './errors.ts';

interface DriverRow {
  /** Driver options without which there is nothing to connect to; the URL form or the environment may give them. */
  needs: readonly string[];
  /** Where its credentials come from. */
  environment: string;
}

export const REMOTE_DRIVERS: Record<RemoteDriver, DriverRow> = {
  fs: { needs: ['base'], environment: 'nothing: a folder needs no credentials' },
  http: { needs: ['base'], environment: 'UNPLUGIN_QUANTIZE_HTTP_AUTHORIZATION' },
  redis: { needs: [], environment: 'UNPLUGIN_QUANTIZE_REDIS_USERNAME and UNPLUGIN_QUANTIZE_REDIS_PASSWORD' },
  s3: { needs: ['bucket'], environment: 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY' },
};

/** Names of options that hold secrets in one driver or another. `key` alone is a word of its own: `maxKeys` and `keyPrefix` hold none. */
const SECRET = /pass(word|wd|phrase)?$|secret|token|credential|authorization|^auth$|^cookie$|api[-_]?key|access[-_]?key|private[-_]?key|signature|^user(name)?$|^key$/i;

/** @throws QuantizeError OPTION_INVALID, OPTION_UNKNOWN */
export function checkRemote(value: unknown): void {
  if (value === undefined || value === false) return;
  if (typeof value === 'string') {
    refuseSecrets(value, 'cache.remote', environmentOf(value));
    return;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('cache.remote', value, 'a URL, false, or an object with `driver`');
  const { driver, storage, readOnly, timeout, flushTimeout, ...options } = value as RemoteCacheSpec;
  expect(readOnly === undefined || typeof readOnly === 'boolean', 'readOnly', readOnly, 'true or false');
  for (const [name, number] of Object.entries({ timeout, flushTimeout })) expect(number === undefined || (Number.isSafeInteger(number) && number > 0), name, number, 'a whole number of milliseconds above 0');
  if (storage !== undefined) {
    const isStorage = typeof storage === 'object' && storage !== null && (['hasItem', 'getItemRaw', 'setItemRaw'] as const).every((method) => typeof storage[method] === 'function');
    if (!isStorage) throw new QuantizeError('OPTION_INVALID', '"cache.remote.storage" is no storage.', { option: 'cache.remote.storage', hint: 'Give what createStorage({ driver }) of unstorage returns.' });
    if (driver !== undefined) throw new QuantizeError('OPTION_INVALID', '"cache.remote" has a driver and a storage.', { option: 'cache.remote', hint: 'Leave one of them out.' });
    return;
  }
  expect(typeof driver === 'string' && Object.hasOwn(REMOTE_DRIVERS, driver), 'driver', driver, `one of ${Object.keys(REMOTE_DRIVERS).join(', ')}`);
  const { needs, environment } = REMOTE_DRIVERS[driver!];
  refuseSecrets(options, 'cache.remote', environment);
  for (const name of needs) expect(typeof options[name] === 'string' && options[name] !== '', name, options[name], `a text, which the driver ${driver} needs`);
}

/** A file with options is read by many; the environment of a build is not. */
function refuseSecrets(value: unknown, option: string, environment: string, seen = new Set<unknown>()): void {
  if (typeof value === 'string' && hasUser(value)) throw secret(option, 'a URL with a name or password', environment);
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  for (const [key, item] of Object.entries(value)) {
    if (SECRET.test(key) && item !== undefined && item !== null && item !== false) throw secret(`${option}.${key}`, 'a credential', environment);
    refuseSecrets(item, `${option}.${key}`, environment, seen);
  }
}

/** The value itself is not told: errors end up in logs. */
function secret(option: string, what: string, environment: string): QuantizeError {
  return new QuantizeError('OPTION_INVALID', `"${option}" looks like ${what}, and options are no place for secrets.`, { option, hint: `Take it out here and set it in the environment: ${environment}.` });
}

function hasUser(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(text);
}

function environmentOf(url: string): string {
  const scheme = /^([a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  return REMOTE_DRIVERS[driverOf(scheme) ?? 'fs'].environment;
}

/** The driver of a URL's scheme. */
export function driverOf(scheme: string | undefined): RemoteDriver | undefined {
  return scheme === undefined ? undefined : ({ 'file': 'fs', 'http': 'http', 'https': 'http', 'redis': 'redis', 'rediss': 'redis', 's3': 's3' } as const)[scheme];
}

function expect(holds: boolean, key: string, value: unknown, wanted: string): void {
  if (!holds) throw invalid(`cache.remote.${key}`, value, wanted);
}

function invalid(option: string, value: unknown, wanted: string): QuantizeError {
  return new QuantizeError('OPTION_INVALID', `"${option}" is ${JSON.stringify(value)}, which is not ${wanted}.`, { option });
}
