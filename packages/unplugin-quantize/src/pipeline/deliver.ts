import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import type { Cache } from './cache/cache.ts';
import { sha256Text } from './cache/hash.ts';
import type { WrittenFile } from './cache/write-file.ts';

/** How files go to browsers. */
export interface DeliveryOptions {
  /** Whether the runtime is to unpack them. */
  compress: 'gzip' | false;
  /** The most bytes of one file; larger ones are cut into several. */
  maxFileBytes?: number | undefined;
}

export interface DeliveredFile extends WrittenFile {
  /** Absolute path in the cache; never to be modified. */
  file: string;
}

/** An artefact as it is published: files that follow one another. */
export interface Delivery {
  encoding?: 'gzip';
  files: DeliveredFile[];
}

export type Compression = 'gzip' | 'brotli';

/** As `compressed.ts` measures: more effort saves next to nothing on weights. */
const GZIP_LEVEL = 9;
const BROTLI_QUALITY = 9;

/** Packing that saves less is not worth unpacking. */
const WORTHWHILE = 0.98;

/** The same file gives the same bytes with the same version of zlib or brotli, which come with Node. */
const COMPRESSORS: Record<Compression, { version: string; create(bytes: number): Transform }> = {
  gzip: { version: `${process.versions.zlib} ${GZIP_LEVEL}`, create: () => createGzip({ level: GZIP_LEVEL }) },
  brotli: {
    version: `${process.versions['brotli']} ${BROTLI_QUALITY}`,
    create: (bytes) => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes } }),
  },
};

/** @throws QuantizeError WRITE_FAILED */
export async function deliver(cache: Pick<Cache, 'deliveries'>, artefact: DeliveredFile, { compress, maxFileBytes = Infinity }: DeliveryOptions): Promise<Delivery> {
  const packed = compress === false ? undefined : await compressFile(cache, artefact, compress);
  if (packed === undefined || packed.bytes > artefact.bytes * WORTHWHILE) return { files: await cut(cache, artefact, maxFileBytes) };
  return { encoding: 'gzip', files: await cut(cache, packed, maxFileBytes) };
}

/** A compressed copy in the cache. @throws QuantizeError WRITE_FAILED */
export function compressFile(cache: Pick<Cache, 'deliveries'>, source: DeliveredFile, compression: Compression): Promise<DeliveredFile> {
  const { version, create } = COMPRESSORS[compression];
  return stored(cache, [compression, version, source.sha256], () => [createReadStream(source.file), create(source.bytes)]);
}

/** Bytes in compressed form: the path of a file in the cache, never to be modified. @throws QuantizeError WRITE_FAILED */
export async function compressBytes(cache: Pick<Cache, 'deliveries'>, bytes: Uint8Array, compression: Compression): Promise<string> {
  const { version, create } = COMPRESSORS[compression];
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { file } = await stored(cache, [compression, version, sha256], () => [Readable.from([bytes]), create(bytes.byteLength)]);
  return file;
}

async function cut(cache: Pick<Cache, 'deliveries'>, source: DeliveredFile, most: number): Promise<DeliveredFile[]> {
  if (source.bytes <= most) return [source];
  const parts: DeliveredFile[] = [];
  for (let start = 0; start < source.bytes; start += most) {
    const end = Math.min(start + most, source.bytes) - 1;
    parts.push(await stored(cache, ['part', source.sha256, start, end], () => [createReadStream(source.file, { start, end })]));
  }
  return parts;
}

/** A file and what it goes through. */
type Streams = [Readable, ...Transform[]];

async function stored({ deliveries }: Pick<Cache, 'deliveries'>, parts: readonly unknown[], open: () => Streams): Promise<DeliveredFile> {
  const key = sha256Text(JSON.stringify(parts));
  const { file, bytes, sha256 } = (await deliveries.find(key)) ?? (await deliveries.store(key, (path) => write(open(), path)));
  return { file, bytes, sha256 };
}

async function write(source: Streams, path: string): Promise<WrittenFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Uint8Array, _, done) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      done(null, chunk);
    },
  });
  await pipeline([...source, meter, createWriteStream(path, { flags: 'wx' })]);
  return { bytes, sha256: hash.digest('hex') };
}
