import { reactRouter } from '@react-router/dev/vite';
import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

export default defineConfig({ plugins: [quantize(), reactRouter()] });
