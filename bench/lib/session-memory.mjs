// Makes one session and prints the peak RSS of its process in MB: session-memory.mjs node|wasm FILE.
import { readFileSync } from 'node:fs';

const [engine, file] = process.argv.slice(2);
const { InferenceSession, env } = engine === 'node' ? await import('onnxruntime-node') : await import('onnxruntime-web');
env.logLevel = 'error';
if (env.wasm !== undefined) env.wasm.numThreads = 1;
// From bytes, as a browser has them and as the runtime checks them.
await InferenceSession.create(readFileSync(file), { logSeverityLevel: 3 });
console.log(JSON.stringify({ rss: process.resourceUsage().maxRSS / 1024 }));
