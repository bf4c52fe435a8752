import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  // Measured on the windows in calibration/. The build fails when a model strays from its original.
  plugins: [quantize({ calibration: 'calibration/windows.ts', budget: { cosine: 0.99 } })],
});
