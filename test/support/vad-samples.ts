/** A module that yields three tones for Silero. */
export const VAD_SAMPLES = `export default function* () {
  for (let i = 1; i < 4; i++) yield {
    input: { data: Float32Array.from({ length: 512 }, (_, t) => Math.sin((t * i) / 9)), dims: [1, 512] },
    state: { data: new Float32Array(256), dims: [2, 1, 128] },
    sr: { data: BigInt64Array.of(16000n), dims: [] },
  };
}`;
