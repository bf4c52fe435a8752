/** The feeds of a model of the GPU benchmark: the same values in every process. */
export function feedsOf(model, Tensor) {
  return FEEDS[model](Tensor);
}

const FEEDS = {
  mobilenet: (Tensor) => ({ image: new Tensor('float32', noise(16 * 3 * 32 * 32), [16, 3, 32, 32]) }),
  sst: (Tensor) => ({
    input_ids: new Tensor('int64', ids(8 * 64, 20_000n), [8, 64]),
    attention_mask: new Tensor('int64', new BigInt64Array(8 * 64).fill(1n), [8, 64]),
  }),
  charlm: (Tensor) => ({ input_ids: new Tensor('int64', ids(64, 60n), [1, 64]) }),
  vad: (Tensor) => ({
    input: new Tensor('float32', noise(512), [1, 512]),
    state: new Tensor('float32', new Float32Array(256), [2, 1, 128]),
    sr: new Tensor('int64', BigInt64Array.of(16_000n), []),
  }),
};

function noise(count) {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 0.8);
}

function ids(count, below) {
  return BigInt64Array.from({ length: count }, (_, i) => (BigInt(i) * 37n) % below);
}
