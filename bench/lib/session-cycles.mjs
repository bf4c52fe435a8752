// Makes a session, runs it and disposes of it, many times, and prints memory after each tenth as JSON: node --expose-gc session-cycles.mjs node|wasm FILE INPUTS COUNT
import { createSession } from 'unplugin-quantize/runtime';

const [backend, file, inputs, count] = process.argv.slice(2);
const feeds = Object.fromEntries(Object.entries(JSON.parse(inputs)).map(([name, dims]) => [name, { type: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)), location: 'cpu' }]));
const start = performance.now();
const memory = [];
for (let cycle = 1; cycle <= Number(count); cycle++) {
  const session = await createSession(file, { backends: [backend === 'node' ? 'cpu' : 'wasm'], batch: cycle % 2 === 0 ? {} : undefined });
  await session.run(feeds);
  await session.dispose();
  if (cycle % (count / 10) === 0) {
    globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    memory.push({ cycle, rss, heapUsed, external });
  }
}
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, memory }));
