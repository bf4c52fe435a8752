// npm run fuzz: loads run.ts through Vite, as Node runs no TypeScript.
import { join } from 'node:path';
import { runnerImport } from 'vite';

const { module } = await runnerImport(join(import.meta.dirname, 'run.ts'), { configFile: false, logLevel: 'error' });
process.exit(await module.main(process.argv.slice(2)));
