import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RemoteCacheSpec, RemoteDriver, RemoteStorage } from '../../cache-options.ts';
import { QuantizeError } from '../../errors.ts';
import { driverOf } from '../../remote-checks.ts';

export const REMOTE_CACHE = 'UNPLUGIN_QUANTIZE_REMOTE_CACHE';

/** A shared cache with everything that is needed to reach it. */
export interface RemotePlace {
  /** For messages: without credentials. */
  name: string;
  driver: RemoteDriver | undefined;
  /** Of the driver, with credentials. */
  options: Record<string, unknown>;
  /** In place of a driver. */
  storage?: RemoteStorage | undefined;
  /** Texts that no message may show. */
  secrets: string[];
  /** Secret that descriptions are signed with; undefined where they are not. */
  signatureKey: string | undefined;
  readOnly: boolean;
  timeout: number;
  flushTimeout: number;
}

/** Parts of `RemotePlace` that a form of the option decides. */
type Target = Pick<RemotePlace, 'name' | 'driver' | 'options' | 'storage'>;

/**
 * Where the shared cache is: what the option says, otherwise what the environment says, with credentials from the environment.
 *
 * @param spec checked by `checkRemote`
 * @param root folder that relative paths start from
 * @throws QuantizeError OPTION_INVALID for a URL that names no kind of server
 */
export function remotePlace(spec: string | RemoteCacheSpec | false | undefined, root: string, env: NodeJS.ProcessEnv = process.env): RemotePlace | undefined {
  const given = spec ?? (env[REMOTE_CACHE] || undefined);
  if (given === undefined || given === false) return undefined;
  const { driver, storage, readOnly = false, timeout = 3000, flushTimeout = 30_000, ...options } = typeof given === 'string' ? ({} as RemoteCacheSpec) : given;
  const target = typeof given === 'string' ? fromUrl(given, root, spec === undefined ? REMOTE_CACHE : 'cache.remote') : storage === undefined ? fromDriver(driver!, options, root) : { name: 'the given storage', driver: undefined, options: {}, storage };
  const full = target.driver === undefined ? {} : CREDENTIALS[target.driver](target.options, env);
  const signatureKey = env['UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY'] || undefined;
  return { ...target, options: full, secrets: secretsOf(full, env), signatureKey, readOnly, timeout, flushTimeout };
}

/** `redis://host:6379/0`, `https://host/path`, `s3://bucket/prefix?region=eu-central-1&endpoint=https://host`, `file:///folder`, or the path of a folder. */
function fromUrl(text: string, root: string, option: string): Target {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  const driver = scheme === undefined ? 'fs' : driverOf(scheme);
  if (driver === undefined || (scheme !== undefined && !URL.canParse(text))) {
    throw new QuantizeError('OPTION_INVALID', `"${option}" is no address of a shared cache.`, { option, hint: 'Say redis://host:6379, s3://bucket?region=..., https://host/path or the path of a folder.' });
  }
  if (driver === 'fs') return fromDriver('fs', { base: scheme === undefined ? text : fileURLToPath(text) }, root);
  const url = new URL(text);
  if (driver === 's3') {
    const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
    return fromDriver('s3', { bucket: url.host, ...(prefix !== '' && { base: prefix }), ...Object.fromEntries(url.searchParams) }, root);
  }
  return fromDriver(driver, driver === 'http' ? { base: text } : { url: text }, root);
}

function fromDriver(driver: RemoteDriver, options: Record<string, unknown>, root: string): Target {
  if (driver === 'fs') {
    const base = resolve(root, String(options['base']));
    return { name: base, driver, options: { ...options, base } };
  }
  const { url = driver === 'http' ? options['base'] : undefined, host = 'localhost', port = 6379, bucket } = options;
  const name = driver === 's3' ? `s3://${String(bucket)}` : url === undefined ? `redis://${String(host)}:${String(port)}` : withoutUser(String(url));
  return { name, driver, options };
}

function withoutUser(text: string): string {
  return text.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1');
}

/** Completes a driver's options by what the environment has. */
const CREDENTIALS: Record<RemoteDriver, (options: Record<string, unknown>, env: NodeJS.ProcessEnv) => Record<string, unknown>> = {
  fs: (options) => options,
  http: (options, env) => {
    const url = new URL(String(options['base']));
    const basic = url.username === '' ? undefined : `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
    const authorization = env['UNPLUGIN_QUANTIZE_HTTP_AUTHORIZATION'] || basic;
    return { ...options, base: withoutUser(String(options['base'])), ...(authorization && { headers: { ...(options['headers'] as object | undefined), authorization } }) };
  },
  redis: (options, env) => {
    const [username, password] = [env['UNPLUGIN_QUANTIZE_REDIS_USERNAME'], env['UNPLUGIN_QUANTIZE_REDIS_PASSWORD']];
    return { ...options, ...(username && { username }), ...(password && { password }) };
  },
  s3: (options, env) => {
    const region = options['region'] ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
    const endpoint = options['endpoint'] ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? `https://s3.${String(region)}.amazonaws.com`;
    return { ...options, region, endpoint, accessKeyId: env['AWS_ACCESS_KEY_ID'], secretAccessKey: env['AWS_SECRET_ACCESS_KEY'], sessionToken: env['AWS_SESSION_TOKEN'] || undefined };
  },
};

/** Errors of servers and libraries may repeat what they were given. */
function secretsOf(options: Record<string, unknown>, env: NodeJS.ProcessEnv): string[] {
  const { password, secretAccessKey, sessionToken, headers, url } = options;
  const authorization = (headers as Record<string, unknown> | undefined)?.['authorization'];
  const fromUrl = typeof url === 'string' && URL.canParse(url) ? [decodeURIComponent(new URL(url).password), new URL(url).password] : [];
  return [password, secretAccessKey, sessionToken, authorization, env['UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY'], ...fromUrl].filter((text): text is string => typeof text === 'string' && text.length > 2);
}
