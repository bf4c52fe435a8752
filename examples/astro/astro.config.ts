import node from '@astrojs/node';
import { defineConfig } from 'astro/config';
import quantize from 'unplugin-quantize/vite';

export default defineConfig({ adapter: node({ mode: 'standalone' }), vite: { plugins: [quantize()] } });
