import { defineNuxtConfig } from 'nuxt/config';
import quantizeServer from 'unplugin-quantize/rollup';
import quantize from 'unplugin-quantize/vite';

export default defineNuxtConfig({
  compatibilityDate: '2026-01-01',
  vite: { plugins: [quantize()] },
  // Nitro bundles routes of the server with Rollup.
  nitro: { rollupConfig: { output: {}, plugins: [quantizeServer({ report: false })] } },
});
