// Runs in Node and in browsers.

/**
 * Times models that take turns, in one thread of onnxruntime-web: medians in ms, and the median of the ratios to the first model, round by
 * round, in which slow moments of the machine cancel.
 *
 * @param ort onnxruntime-web
 * @param models bytes of each
 * @param inputs `{ type, dims, of }` by name; `of` is `noise`, `ids`, or a number
 */
export async function timeInTurn(ort, models, inputs, rounds) {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(ort, input)]));
  const sessions = [];
  for (const model of models) sessions.push(await ort.InferenceSession.create(model, { executionProviders: ['wasm'] }));
  for (const session of sessions) for (let i = 0; i < 3; i++) await session.run(feeds);
  const times = models.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, session] of sessions.entries()) {
      const start = performance.now();
      await session.run(feeds);
      times[i].push(performance.now() - start);
    }
  }
  for (const session of sessions) await session.release();
  return times.map((own) => ({ ms: median(own), ratio: median(own.map((ms, round) => ms / times[0][round])) }));
}

export function tensorOf(ort, { type, dims, of }) {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (type === 'int64') return new ort.Tensor(type, BigInt64Array.from({ length }, (_, i) => BigInt(of === 'ids' ? 1000 + ((i * 37) % 20000) : of)), dims);
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return new ort.Tensor(type, Float32Array.from({ length }, () => (of === 'noise' ? noise() : of)), dims);
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
