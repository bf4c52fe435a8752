import { byteSize } from './byte-size.ts';
import { checkRemote } from './remote-checks.ts';
import { QuantizeError } from './errors.ts';

/** Where results are kept between builds. */
export interface CacheSpec {
  /** A folder from the project's root, or false to keep none on this machine. @default 'node_modules/.cache/unplugin-quantize' */
  folder?: string | false;
  /**
   * A cache that machines share. Credentials come from the environment, never from here. False: none, whatever UNPLUGIN_QUANTIZE_REMOTE_CACHE says.
   * @default the URL in UNPLUGIN_QUANTIZE_REMOTE_CACHE, otherwise false
   * @example 'redis://cache.internal:6379'
   * @example { driver: 's3', bucket: 'models', region: 'eu-central-1' }
   */
  remote?: string | RemoteCacheSpec | false;
  /**
   * The most that the folder may take, as a number of bytes or a text such as '10GB'. A build that stored something removes what was not
   * used for the longest time when it ends; nothing that it used itself.
   * @default no limit
   */
  maxBytes?: number | string;
}

/** Kinds of servers; each is the driver of that name in unstorage. */
export type RemoteDriver = 'fs' | 'http' | 'redis' | 's3';

/** What a storage has to do: a Storage of unstorage with any of its drivers does it. */
export interface RemoteStorage {
  hasItem(key: string): boolean | Promise<boolean>;
  /** Bytes, or null where there are none. */
  getItemRaw(key: string): unknown;
  setItemRaw(key: string, value: Uint8Array): unknown;
}

/** A cache that machines share: a driver with its options, or a storage. */
export interface RemoteCacheSpec {
  driver?: RemoteDriver;
  /** In place of `driver`. It works in the build's own thread, and what it waits for is its own affair. */
  storage?: RemoteStorage;
  /** Results are read and never written, as for builds of other people's changes. @default false */
  readOnly?: boolean;
  /** Milliseconds to wait for an answer; transfers have one more for each kilobyte. @default 3000 */
  timeout?: number;
  /** Milliseconds that the end of a build waits for uploads. @default 30000 */
  flushTimeout?: number;
  /** Further options are the driver's: `base` of fs and http, `url` or `host`, `port`, `db`, `tls` of redis, `bucket`, `region`, `endpoint` of s3. */
  [option: string]: unknown;
}

const KEYS: readonly string[] = ['folder', 'remote', 'maxBytes'] satisfies (keyof CacheSpec)[];

/** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID; for credentials too, which belong into the environment */
export function checkCache(value: unknown): void {
  if (value === undefined || value === false || (typeof value === 'string' && value !== '')) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('cache', value, 'a folder, false, or { folder, remote, maxBytes }');
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw new QuantizeError('OPTION_UNKNOWN', `There is no key of "cache" "${key}".`, { option: key, hint: `There are ${KEYS.join(', ')}.` });
  }
  const { folder, remote, maxBytes } = value as Record<string, unknown>;
  if (folder !== undefined && folder !== false && (typeof folder !== 'string' || folder === '')) throw invalid('cache.folder', folder, 'a folder or false');
  byteSize(maxBytes, 'cache.maxBytes');
  checkRemote(remote);
}

function invalid(option: string, value: unknown, wanted: string): QuantizeError {
  return new QuantizeError('OPTION_INVALID', `"${option}" is ${JSON.stringify(value)}, which is not ${wanted}.`, { option });
}
