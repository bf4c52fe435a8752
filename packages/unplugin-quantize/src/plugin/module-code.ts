import { basename } from 'node:path';
import type { ModelReport, ModelVariant, QuantizedModel, Target } from '../types.ts';

/** What a model import exports, less the URLs, which only the bundler knows. */
export type ModelFacts = Omit<QuantizedModel, 'variants'> & { variants: Omit<ModelVariant, 'url'>[] };

/** Both engines run the same file. */
const TARGETS: readonly Target[] = ['wasm', 'node'];

/** The facts of a quantized model that travel with the app. */
export function modelFacts(report: ModelReport, sessionOptions: Record<string, unknown>): ModelFacts {
  const { name, format, source, artefact, inputs, outputs, accuracy } = report;
  const { bytes, sha256, ratio, minOnnxruntime } = artefact;
  const cosines = accuracy?.outputs.map(({ cosine }) => cosine) ?? [];
  return {
    name: basename(name),
    hash: sha256,
    source: { bytes: source.bytes, hash: source.sha256 },
    inputs,
    outputs,
    variants: TARGETS.map((target) => ({ target, format, bytes, sha256, minOnnxruntime, sessionOptions })),
    report: { format, ratio, cosine: cosines.length === 0 ? null : Math.min(...cosines) },
  };
}

/**
 * The source of the module that an import gets: `QuantizedModel` as its default export.
 *
 * @param url JavaScript expression of the artefact's URL
 */
export function modelModule(facts: ModelFacts, url: string): string {
  const { variants, ...rest } = facts;
  const fields = Object.entries(rest).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  const rows = variants.map((variant) => `    { "url": url, ${JSON.stringify(variant).slice(1)},`);
  return [`const url = ${url};`, 'export default {', ...fields, '  "variants": [', ...rows, '  ],', '};', ''].join('\n');
}

/** The source of the module of an import with `&url`. */
export function urlModule(url: string): string {
  return `export default ${url};\n`;
}
