import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A piece of a file under the SHA-256 of its bytes. */
export interface Part {
  sha256: string;
  bytes: number;
}

/** What is known of an entry: the entry itself, and the pieces of its file. */
export interface Description {
  entry: unknown;
  /** Absent for entries without a file. */
  parts?: Part[];
}

/** What stands in the storage. The hash is over key and body, so that an entry is no good under another key. */
interface Sealed {
  body: string;
  sha256: string;
  /** HMAC-SHA-256 over the same, where there is a secret. */
  signature?: string;
}

/** @param key of the entry in the storage */
export function seal(key: string, description: Description, signatureKey: string | undefined): Uint8Array {
  const body = JSON.stringify(description);
  const sealed: Sealed = { body, sha256: hashOf(key, body), ...(signatureKey !== undefined && { signature: signatureOf(key, body, signatureKey) }) };
  return Buffer.from(JSON.stringify(sealed));
}

/** The description, or a sentence that says why it cannot be trusted. */
export function unseal(key: string, bytes: Uint8Array, signatureKey: string | undefined): Description | string {
  try {
    const { body, sha256, signature } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<Sealed>;
    if (typeof body !== 'string' || sha256 !== hashOf(key, body)) return 'its hash is wrong';
    if (signatureKey !== undefined && !isSame(signature, signatureOf(key, body, signatureKey))) return signature === undefined ? 'it is not signed' : 'its signature is wrong';
    const description = JSON.parse(body) as Description;
    return isDescription(description) ? description : 'it describes nothing';
  } catch {
    return 'it is cut off or something else';
  }
}

function hashOf(key: string, body: string): string {
  return createHash('sha256').update(JSON.stringify([key, body])).digest('hex');
}

function signatureOf(key: string, body: string, signatureKey: string): string {
  return createHmac('sha256', signatureKey).update(JSON.stringify([key, body])).digest('hex');
}

function isSame(given: unknown, wanted: string): boolean {
  return typeof given === 'string' && given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
}

/** Nobody may make a build ask for more memory than a part of this size takes. */
const LARGEST_PART = 64 << 20;

function isDescription({ entry, parts }: Description): boolean {
  const areParts = parts === undefined || (Array.isArray(parts) && parts.every(({ sha256, bytes }) => /^[0-9a-f]{64}$/.test(sha256) && Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= LARGEST_PART));
  return entry !== undefined && areParts;
}
