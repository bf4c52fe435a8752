// Runs small models in one release of onnxruntime: try-release.cjs PACKAGE_FOLDER ENGINE JOBS_JSON FROM. A line of JSON for each job.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [folder, engine, jobsFile, from] = process.argv.slice(2);
const ort = createRequire(join(folder, 'package.json'))(engine);
const jobs = JSON.parse(readFileSync(jobsFile, 'utf8')).slice(Number(from));
if (ort.env.wasm !== undefined) Object.assign(ort.env.wasm, { numThreads: 1, proxy: false });
ort.env.logLevel = 'fatal';

(async () => {
  for (const job of jobs) console.log(JSON.stringify(await tried(job)));
  process.exit(0);
})();

async function tried({ name, model, feeds, outputs }) {
  try {
    const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(model)), { logSeverityLevel: 4 });
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([key, tensor]) => [key, tensorOf(tensor)])));
    const right = Object.entries(outputs).every(([key, expected]) => isClose([...results[key].data], expected));
    return { name, outcome: right ? 'ran' : 'wrong' };
  } catch (error) {
    return { name, outcome: 'refused', what: String(error.message ?? error).split('\n')[0] };
  }
}

function tensorOf({ type, dims, data }) {
  return new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), dims);
}

/** Kernels of other releases sum in another order or precision; a wrong one is off by more than 5 % of the largest value. */
function isClose(found, expected) {
  const largest = Math.max(...expected.map(Math.abs));
  return found.length === expected.length && found.every((value, i) => Math.abs(value - expected[i]) <= 0.05 * largest);
}
