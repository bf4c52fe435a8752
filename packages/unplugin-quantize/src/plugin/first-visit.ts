import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { OnnxruntimeBuild } from '../options.ts';
import type { Delivery } from '../pipeline/index.ts';
import type { CompressedBytes, FirstVisit, ModelReport } from '../types.ts';

const WASM: Record<OnnxruntimeBuild, string> = {
  wasm: 'ort-wasm-simd-threaded.wasm',
  webgpu: 'ort-wasm-simd-threaded.asyncify.wasm',
  jspi: 'ort-wasm-simd-threaded.jspi.wasm',
};

/**
 * What a browser downloads to run an artefact for the first time; undefined where the project has no onnxruntime-web.
 *
 * @param root of the project, from where onnxruntime-web is found
 * @param sizesOf compressed sizes of a file; asked only where the report has those of the artefact
 */
export async function firstVisitOf(
  root: string, build: OnnxruntimeBuild, { files, encoding }: Delivery, { artefact: { compressed } }: ModelReport, sizesOf: (path: string) => Promise<CompressedBytes>,
): Promise<FirstVisit | undefined> {
  const path = wasmFile(root, build);
  if (path === undefined) return undefined;
  const model = files.reduce((total, { bytes }) => total + bytes, 0);
  const packed = compressed && (encoding === undefined ? compressed : { gzip: model, brotli: model });
  const runtime = { file: WASM[build], bytes: statSync(path).size };
  return packed === undefined ? { model, runtime } : { model, compressed: packed, runtime: { ...runtime, compressed: await sizesOf(path) } };
}

function wasmFile(root: string, build: OnnxruntimeBuild): string | undefined {
  try {
    const file = join(dirname(createRequire(join(root, 'index.js')).resolve('onnxruntime-web/wasm')), WASM[build]);
    return existsSync(file) ? file : undefined;
  } catch {
    // The package is not there, and the page gets its engine in another way.
    return undefined;
  }
}
