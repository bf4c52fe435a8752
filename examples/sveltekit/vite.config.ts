import { sveltekit } from '@sveltejs/kit/vite';
import quantize from 'unplugin-quantize/vite';
import { defineConfig } from 'vite';

export default defineConfig({ plugins: [quantize(), sveltekit()] });
