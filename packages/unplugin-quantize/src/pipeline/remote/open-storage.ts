import type { RemoteDriver, RemoteStorage } from '../../cache-options.ts';
import { QuantizeError } from '../../errors.ts';
import type { RemotePlace } from './place.ts';

/** A storage of bytes; errors are those of its driver. */
export interface OpenStorage {
  has(key: string): Promise<boolean>;
  /** Null where there is nothing. */
  get(key: string): Promise<Uint8Array | null>;
  set(key: string, value: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

type Options = Record<string, unknown>;

interface Opened {
  storage: RemoteStorage;
  /** Before every key. */
  base?: string;
  close?(): unknown;
}

/** @throws QuantizeError STORAGE_MISSING where the driver's package is not installed */
export async function openStorage({ driver, options, storage, timeout }: Pick<RemotePlace, 'driver' | 'options' | 'storage' | 'timeout'>): Promise<OpenStorage> {
  const opened: Opened = storage === undefined ? await OPENERS[driver!](options, timeout) : { storage };
  const at = (key: string): string => (opened.base ? `${opened.base}:${key}` : key);
  return {
    has: async (key) => opened.storage.hasItem(at(key)),
    get: async (key) => bytesOf(await opened.storage.getItemRaw(at(key))),
    set: async (key, value) => void (await opened.storage.setItemRaw(at(key), value)),
    close: async () => void (await opened.close?.()),
  };
}

/** What the drivers of unstorage need so that bytes stay bytes, and so that a server that is away is noticed. */
const OPENERS: Record<RemoteDriver, (options: Options, timeout: number) => Promise<Opened>> = {
  async fs(options) {
    const { default: create } = await load('unstorage', () => import('unstorage/drivers/fs'));
    return { storage: await wrap(create(options)) };
  },
  async http(options) {
    const { default: create } = await load('unstorage', () => import('unstorage/drivers/http'));
    const driver = create(options as { base: string });
    // The driver's getItemRaw fails on an answer 404.
    const getItemRaw = async (key: string): Promise<unknown> => ((await driver.hasItem(key, {})) ? driver.getItemRaw!(key, {}) : null);
    return { storage: await wrap({ ...driver, getItemRaw }) };
  },
  async redis({ base, ...options }, timeout) {
    await load('ioredis', () => import('ioredis'));
    const { default: create } = await load('unstorage', () => import('unstorage/drivers/redis'));
    // Without these ioredis waits for a server for ever.
    const patience = { connectTimeout: timeout, maxRetriesPerRequest: 1, retryStrategy: (times: number) => (times > 2 ? null : 100) };
    const driver = create({ ...patience, ...options });
    const client = driver.getInstance!() as import('ioredis').Redis;
    // Each request tells of its failure; without a listener the error is printed too.
    client.on('error', () => undefined);
    // The driver knows texts only, which would make bytes a third larger.
    const storage = { hasItem: (key: string) => driver.hasItem(key, {}), getItemRaw: (key: string) => client.getBuffer(key), setItemRaw: (key: string, value: Uint8Array) => client.set(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength)) };
    return { storage, ...named(base), close: () => client.disconnect() };
  },
  async s3({ base, sessionToken, ...options }) {
    if (options['accessKeyId'] === undefined || options['secretAccessKey'] === undefined) throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set');
    const aws = await load('aws4fetch', () => import('aws4fetch'));
    if (typeof sessionToken === 'string') addSessionToken(aws, sessionToken);
    const { default: create } = await load('unstorage', () => import('unstorage/drivers/s3'));
    return { storage: await wrap(create(options as unknown as Parameters<typeof create>[0])), ...named(base) };
  },
};

const named = (base: unknown): { base?: string } => (typeof base === 'string' && base !== '' ? { base } : {});

async function wrap(driver: import('unstorage').Driver): Promise<RemoteStorage> {
  const { createStorage } = await load('unstorage', () => import('unstorage'));
  return createStorage({ driver });
}

/** unstorage's driver has no option for the token of temporary credentials, which is all that many CI services hand out. */
function addSessionToken({ AwsClient }: typeof import('aws4fetch'), token: string): void {
  const { sign } = AwsClient.prototype;
  AwsClient.prototype.sign = function (this: InstanceType<typeof AwsClient>, ...request) {
    this.sessionToken = token;
    return sign.apply(this, request);
  };
}

async function load<T>(name: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new QuantizeError('STORAGE_MISSING', `The shared cache needs the package "${name}", which could not be loaded: ${reason}`, {
      option: 'cache.remote', hint: `Run npm install -D ${name === 'unstorage' ? 'unstorage' : `unstorage ${name}`}.`, cause,
    });
  }
}

/** Drivers give a Buffer, an ArrayBuffer, or the error that they met. */
function bytesOf(value: unknown): Uint8Array | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Error) throw value;
  throw new Error(`The storage gave ${typeof value} where bytes were expected`);
}
