// npm run faults -- [times] [seed]: kills builds at random moments, more of them than the tests do.
import { join } from 'node:path';
import { runnerImport } from 'vite';

const [times = '200', seed = '1', verify = ''] = process.argv.slice(2);
const { module } = await runnerImport(join(import.meta.dirname, 'kill.ts'), { configFile: false, logLevel: 'error' });
const started = performance.now();
const { killed, failures } = await module.killBuilds({ times: Number(times), seed: Number(seed), verify: verify === 'verify' });
console.log(`${killed} of ${times} builds were killed before their end, seed ${seed}, ${Math.round((performance.now() - started) / 1000)} s; ${failures.length} failures`);
for (const failure of failures) console.log(failure);
process.exit(failures.length === 0 ? 0 : 1);
