import { readFileSync } from 'node:fs';

const WINDOW = 576;
const STEP = 27;

/** Windows of the sample, as Silero gets them after silence; the build measures what quantization costs on them. */
export default function* windows(): Generator<Record<string, { data: Float32Array | BigInt64Array; dims: number[] }>> {
  const pcm = readFileSync(new URL('../src/assets/sample.wav', import.meta.url)).subarray(44);
  const samples = Float32Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(2 * i) / 32768);
  // The first one is in the midst of speech: the canary is made of it.
  for (let from = 20_000; from + WINDOW <= samples.length; from += STEP * WINDOW) {
    yield {
      input: { data: samples.slice(from, from + WINDOW), dims: [1, WINDOW] },
      state: { data: new Float32Array(256), dims: [2, 1, 128] },
      sr: { data: BigInt64Array.of(16_000n), dims: [] },
    };
  }
}
