import { basename } from 'node:path';
import type { DeliveredFile, Delivery, VariantResult } from '../pipeline/index.ts';
import { jsonCode } from '../printable.ts';
import type { Canary, ModelVariant, QuantizedModel, WeightDecision } from '../types.ts';

/** What a model import exports, less the URLs, which only the bundler knows. */
export type ModelFacts = Omit<QuantizedModel, 'variants'> & { variants: VariantFacts[] };

/** A variant with its files in place of their URLs. */
export type VariantFacts = Omit<ModelVariant, 'url' | 'parts'> & { files: readonly Pick<DeliveredFile, 'bytes' | 'sha256'>[] };

/** A variant and how it is published. */
export interface Published {
  variant: VariantResult;
  delivery: Delivery;
}

/** The facts of a quantized model that travel with the app: a variant for each target; the first one is that of the first target. */
export function modelFacts(results: readonly Published[], canary: Canary | null): ModelFacts {
  const { name, format, source, artefact, inputs, outputs, accuracy } = results[0]!.variant.report;
  const cosines = accuracy?.outputs.map(({ cosine }) => cosine) ?? [];
  return {
    name: basename(name),
    hash: artefact.sha256,
    source: { bytes: source.bytes, hash: source.sha256 },
    inputs,
    outputs,
    canary,
    variants: results.flatMap(({ variant: { report, sessionOptions, tolerance, targets }, delivery: { files, encoding } }) => {
      const { bytes, sha256, minOnnxruntime } = report.artefact;
      const packed = encoding && { encoding, transferBytes: files.reduce((sum, file) => sum + file.bytes, 0) };
      const about = { format: report.format, bytes, sha256, ...packed, minOnnxruntime, sessionOptions, ...(tolerance && { tolerance }) };
      return targets.map((target) => ({ target, ...about, ...(target === 'webgpu' && largestTensor(report.weights)), files }));
    }),
    report: { format, ratio: artefact.ratio, cosine: cosines.length === 0 ? null : Math.min(...cosines) },
  };
}

/** The largest weight as the engine holds it: what is only stored small is unpacked there. GPUs have limits for it. */
function largestTensor(weights: readonly WeightDecision[]): { largestTensorBytes: number } | undefined {
  if (weights.length === 0) return undefined;
  return { largestTensorBytes: weights.reduce((largest, { scheme, bytesBefore, bytesAfter }) => Math.max(largest, scheme.endsWith('-storage') ? bytesBefore : bytesAfter), 0) };
}

/**
 * The source of the module that an import gets: `QuantizedModel` as its default export.
 *
 * @param urls JavaScript expressions of the files' URLs, by hash
 */
export function modelModule(facts: ModelFacts, urls: ReadonlyMap<string, string>): string {
  const { variants, ...rest } = facts;
  const names = new Map([...urls.keys()].map((sha256, i) => [sha256, `url${i}`]));
  const constants = [...urls].map(([sha256, expression]) => `const ${names.get(sha256)!} = ${expression};`);
  const fields = Object.entries(rest).map(([key, value]) => `  ${jsonCode(key)}: ${jsonCode(value)},`);
  const rows = variants.map(({ files, ...variant }) => {
    const parts = files.map(({ sha256, bytes }) => `{ "url": ${names.get(sha256)!}, "bytes": ${bytes} }`);
    return `    { "url": ${names.get(files[0]!.sha256)!}, ${parts.length > 1 ? `"parts": [${parts.join(', ')}], ` : ''}${jsonCode(variant).slice(1)},`;
  });
  return [...constants, 'export default {', ...fields, '  "variants": [', ...rows, '  ],', '};', ''].join('\n');
}

/**
 * The source of the module of an import with `&url`.
 *
 * @param isPath whether the URL of a file shall be its path
 */
export function urlModule(url: string, isPath = false): string {
  if (!isPath) return `export default ${url};\n`;
  const path = 'decodeURIComponent(new URL(url).pathname).replace(/^\\/(?=[a-z]:)/i, "")';
  return `const url = ${url};\nexport default typeof process === "object" && url.startsWith("file:") ? ${path} : url;\n`;
}
