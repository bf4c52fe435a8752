import { readFileSync } from 'node:fs';

/** What test/reference/make_samples.py wrote; arrays are in base64, little-endian. */
interface SampleReference {
  resampled: { filter: 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'; width: number; height: number; data: string }[];
  fitted: { image: [width: number, height: number]; options: Record<string, unknown>; data: string }[];
  /** float32[3,256]: every pixel value, normalized for each channel. */
  normalized: string;
  sound: { sound: string; cases: { from: number; to: number; data: string }[] };
  clips: { name: string; file: string; values: string }[];
  lines: string[];
  texts: { name: string; tokenizer: Record<string, unknown>; cases: { maxLength: number; single: number[][]; ids: number[][]; mask: number[][]; types: number[][] }[] }[];
  shared: { cifar: string; sst128: string; sst16: string };
}

export const sampleReference = JSON.parse(readFileSync(new URL('../reference/samples.json', import.meta.url), 'utf8')) as SampleReference;

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** The picture that the reference is made of: 3 channels, interleaved. */
export function drawnPixels(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    data[i] = (x * 37 + y * 61 + c * 91 + x * y * 7) % 256;
  }
  return data;
}
