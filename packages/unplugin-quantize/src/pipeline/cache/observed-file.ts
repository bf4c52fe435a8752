import type { ByteSource, Payload } from '../../onnx/index.ts';
import type { HessianSource, Observed, TensorStatistics } from '../../quantize/index.ts';

/** What a calibration found: kept in one file, because sums of outer products are too large for messages and JSON. */
export interface Observation {
  /** Sums by the name of the weight; weights that share one share the array. */
  hessians?: ReadonlyMap<string, Float64Array> | undefined;
  statistics?: ReadonlyMap<string, TensorStatistics> | undefined;
  /** For the report of every artefact that is made with it. */
  notes: string[];
}

/** The text at the beginning of the file. Offsets are in bytes from the end of the text. */
interface Header {
  notes: string[];
  hessians: { weights: string[]; K: number; at: number }[] | null;
  statistics: [name: string, { min: number; max: number; elements?: number; channels?: { count: number; at: number } }][] | null;
}

/**
 * The bytes of the file: the length of the text in 8 bytes, the text, then arrays in the processor's order (little-endian on all that Node
 * runs on). Sums are symmetric, and go in as float32 triangles: a quarter of what they take in memory.
 */
export function observationPayload({ hessians, statistics, notes }: Observation): Payload {
  const arrays: Payload[] = [];
  let at = 0;
  const put = (payload: Payload): number => {
    const offset = at;
    arrays.push(payload);
    at += payload.byteLength;
    return offset;
  };
  const header: Header = {
    notes,
    hessians: hessians === undefined ? null : [...sharing(hessians)].map(([sums, weights]) => ({ weights, K: Math.sqrt(sums.length), at: put(trianglePayload(sums)) })),
    statistics: statistics === undefined ? null : [...statistics].map(([name, { channels, ...rest }]) => {
      if (channels === undefined) return [name, rest];
      const place = put(arraysPayload([channels.mean, channels.min, channels.max]));
      return [name, { ...rest, channels: { count: channels.mean.length, at: place } }];
    }),
  };
  const text = padded(new TextEncoder().encode(JSON.stringify(header)));
  const length = new Uint8Array(new Float64Array([text.byteLength]).buffer);
  const parts = [arraysPayload([length, text]), ...arrays];
  return {
    byteLength: parts.reduce((sum, part) => sum + part.byteLength, 0),
    *chunks() {
      for (const part of parts) yield* part.chunks();
    },
  };
}

/** What a file says. Sums are read when they are asked for, as long as the source is open. */
export function readObservation(source: ByteSource): Observed & { notes: string[] } {
  const length = new Float64Array(readBuffer(source, 0, 8))[0]!;
  const { notes, hessians, statistics } = JSON.parse(new TextDecoder().decode(source.read(8, length))) as Header;
  const start = 8 + length;
  return {
    notes,
    ...(hessians !== null && { hessians: hessianSource(source, hessians, start) }),
    ...(statistics !== null && { statistics: new Map(statistics.map(([name, { channels, ...rest }]): [string, TensorStatistics] => {
      if (channels === undefined) return [name, rest];
      const { count, at } = channels;
      const read = (offset: number, bytes: number): ArrayBuffer => readBuffer(source, start + at + offset, bytes);
      const [mean, min, max] = [new Float64Array(read(0, 8 * count)), new Float32Array(read(8 * count, 4 * count)), new Float32Array(read(12 * count, 4 * count))];
      return [name, { ...rest, channels: { min, max, mean } }];
    })) }),
  };
}

/** Bytes in a buffer of their own, at whose beginning arrays may start. */
function readBuffer(source: ByteSource, offset: number, length: number): ArrayBuffer {
  const bytes = new Uint8Array(length);
  source.readInto(offset, bytes);
  return bytes.buffer;
}

/** Keeps the last sums, because weights that share them follow one another. */
function hessianSource(source: ByteSource, entries: NonNullable<Header['hessians']>, start: number): HessianSource {
  const places = new Map(entries.flatMap((entry) => entry.weights.map((weight) => [weight, entry] as const)));
  let last: { at: number; sums: Float64Array } | undefined;
  return {
    get(weight) {
      const entry = places.get(weight);
      if (entry === undefined) return undefined;
      if (last?.at !== entry.at) last = { at: entry.at, sums: readTriangle(source, start + entry.at, entry.K) };
      return last.sums;
    },
  };
}

function sharing(hessians: ReadonlyMap<string, Float64Array>): Map<Float64Array, string[]> {
  const weights = new Map<Float64Array, string[]>();
  for (const [weight, sums] of hessians) weights.set(sums, [...(weights.get(sums) ?? []), weight]);
  return weights;
}

/** The rows of a symmetric matrix up to the diagonal, as float32. */
function trianglePayload(sums: Float64Array): Payload {
  const K = Math.sqrt(sums.length);
  const bytes = triangleBytes(K);
  return {
    byteLength: bytes + (bytes % 8),
    *chunks() {
      const row = new Float32Array(K);
      for (let k = 0; k < K; k++) {
        for (let j = 0; j <= k; j++) row[j] = sums[k * K + j]!;
        yield new Uint8Array(row.buffer, 0, 4 * (k + 1));
      }
      yield new Uint8Array(bytes % 8);
    },
  };
}

function readTriangle(source: ByteSource, at: number, K: number): Float64Array {
  const sums = new Float64Array(K * K);
  const triangle = new Float32Array(readBuffer(source, at, triangleBytes(K)));
  for (let k = 0, i = 0; k < K; k++) {
    for (let j = 0; j <= k; j++, i++) sums[k * K + j] = sums[j * K + k] = triangle[i]!;
  }
  return sums;
}

function triangleBytes(K: number): number {
  return 2 * K * (K + 1);
}

function arraysPayload(arrays: readonly ArrayBufferView[]): Payload {
  return {
    byteLength: arrays.reduce((sum, { byteLength }) => sum + byteLength, 0),
    chunks: () => arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  };
}

/** Spaces at the end of the text, so that what follows starts at a multiple of 8. */
function padded(text: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(text.byteLength / 8) * 8).fill(32);
  whole.set(text);
  return whole;
}
