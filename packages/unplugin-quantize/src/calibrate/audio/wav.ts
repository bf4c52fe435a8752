import { open, type FileHandle } from 'node:fs/promises';
import { QuantizeError } from '../../errors.ts';

/** What the header of a RIFF WAVE file says. */
export interface WavHeader {
  encoding: 'integer' | 'float';
  bits: number;
  channels: number;
  /** Frames in a second. */
  rate: number;
  /** Place of the first frame in the file, and number of frames. */
  dataOffset: number;
  frames: number;
}

const INTEGER = 1;
const FLOAT = 3;
/** The true format follows in a GUID, whose first two bytes are one of the others. */
const EXTENSIBLE = 0xfffe;
/** Twice what any converter reaches; more is a damaged header. */
const HIGHEST_RATE = 1_536_000;
/** What programs write that do not know the length in advance: the data goes to the end of the file. */
const UNKNOWN_SIZES = new Set([0xffffffff, 0x7fffffff]);

/** @throws QuantizeError SAMPLES_INVALID naming what is wrong with the file */
export async function readWavHeader(path: string): Promise<WavHeader> {
  return withFile(path, (file, size) => findChunks(file, size, path));
}

/** All frames, one array for each channel; integers become numbers from -1 to 1 (8-bit ones are unsigned with the middle at 128). */
export async function readWav(path: string): Promise<WavHeader & { data: Float32Array[] }> {
  return withFile(path, async (file, size) => {
    const header = await findChunks(file, size, path);
    const { channels, frames, bits, dataOffset } = header;
    const bytes = await readAt(file, dataOffset, (frames * channels * bits) / 8, path);
    const read = READERS[`${header.encoding}${bits}`]!;
    const step = bits / 8;
    const data = Array.from({ length: channels }, (_, c) => {
      const out = new Float32Array(frames);
      for (let i = 0; i < frames; i++) out[i] = read(bytes, (i * channels + c) * step);
      return out;
    });
    return { ...header, data };
  });
}

const READERS: Record<string, (view: DataView, at: number) => number> = {
  integer8: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
  integer16: (view, at) => view.getInt16(at, true) / 2 ** 15,
  integer24: (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 2 ** 23,
  integer32: (view, at) => view.getInt32(at, true) / 2 ** 31,
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

async function findChunks(file: FileHandle, size: number, path: string): Promise<WavHeader> {
  const riff = size >= 12 ? await readAt(file, 0, 12, path) : undefined;
  if (riff === undefined || tag(riff, 0) !== 'RIFF' || tag(riff, 8) !== 'WAVE') throw invalid(path, 'is not in .wav format');
  let format: Omit<WavHeader, 'dataOffset' | 'frames'> | undefined;
  for (let at = 12; at + 8 <= size; ) {
    const chunk = await readAt(file, at, 8, path);
    const [name, length, start] = [tag(chunk, 0), chunk.getUint32(4, true), at + 8];
    if (name === 'fmt ') {
      if (start + length > size || length < 16) throw invalid(path, 'is cut off in its header');
      format = readFormat(await readAt(file, start, Math.min(length, 40), path), path);
    } else if (name === 'data') {
      if (format === undefined) throw invalid(path, 'has no format before its data');
      return { ...format, dataOffset: start, frames: framesIn(format, UNKNOWN_SIZES.has(length) ? size - start : length, size - start, path) };
    }
    // Chunks begin at even places.
    at = start + length + (length % 2);
  }
  throw invalid(path, 'has no sound in it');
}

function readFormat(view: DataView, path: string): Omit<WavHeader, 'dataOffset' | 'frames'> {
  const outer = view.getUint16(0, true);
  const code = outer === EXTENSIBLE && view.byteLength >= 26 ? view.getUint16(24, true) : outer;
  const [channels, rate, frameBytes, bits] = [view.getUint16(2, true), view.getUint32(4, true), view.getUint16(12, true), view.getUint16(14, true)];
  const encoding = code === INTEGER ? 'integer' : code === FLOAT ? 'float' : undefined;
  if (encoding === undefined || READERS[`${encoding}${bits}`] === undefined) {
    throw invalid(path, `has ${bits} bits of format ${code}, which is not read`, 'Save it as PCM with 8, 16, 24 or 32 bits, or as 32-bit floats.');
  }
  if (channels === 0 || frameBytes !== (channels * bits) / 8) throw invalid(path, `has frames of ${frameBytes} bytes for ${channels} channels of ${bits} bits`);
  if (rate === 0 || rate > HIGHEST_RATE) throw invalid(path, `has ${rate} frames a second`);
  return { encoding, bits, channels, rate };
}

function framesIn({ channels, bits }: Omit<WavHeader, 'dataOffset' | 'frames'>, length: number, left: number, path: string): number {
  if (length > left) throw invalid(path, `should hold ${length} bytes of sound, but ${left} are there`, 'The file is cut off or damaged: write it again.');
  const frames = Math.floor(length / ((channels * bits) / 8));
  if (frames === 0) throw invalid(path, 'has no sound in it');
  return frames;
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<DataView> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw invalid(path, 'was cut off while it was read');
    filled += bytesRead;
  }
  return new DataView(buffer.buffer);
}

function invalid(path: string, what: string, hint?: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `The clip ${what}.`, { option: path, hint: hint ?? 'Give whole .wav files.' });
}
