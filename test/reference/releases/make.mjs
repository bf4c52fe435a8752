// Finds out which releases of onnxruntime run each format: node test/reference/releases/make.mjs FOLDER. Needs the npm registry.
import { join } from 'node:path';
import { runnerImport } from 'vite';

const { module } = await runnerImport(join(import.meta.dirname, 'run.ts'), { configFile: false, logLevel: 'error' });
await module.main(process.argv[2]);
process.exit(0);
