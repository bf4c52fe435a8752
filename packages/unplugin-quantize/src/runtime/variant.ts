import type { ModelVariant, QuantizedModel, Target } from '../types.ts';
import { RuntimeError } from './errors.ts';
import type { Backend, ModelFile } from './types.ts';

/** Targets whose artefacts a backend can run, the fittest first. CPU and WASM share kernels; GPU artefacts run there too, but slowly. */
const RUNNABLE: Record<Backend, readonly Target[]> = {
  wasm: ['wasm', 'node', 'webgpu', 'node-cuda'],
  node: ['node', 'wasm', 'node-cuda', 'webgpu'],
};

const GPU_TARGETS: readonly Target[] = ['webgpu', 'node-cuda'];

/**
 * The variant of the model that fits the backend best. A GPU artefact in want of a better one is announced.
 * @throws RuntimeError OPTION_INVALID when the value is no model import, NO_VARIANT when no variant can run
 */
export function chooseVariant(model: QuantizedModel, backend: Backend, warn: (message: string) => void): ModelVariant {
  const variants: ModelVariant[] | undefined = model?.variants;
  if (!Array.isArray(variants)) {
    throw new RuntimeError('OPTION_INVALID', 'The model is neither a `?quantize` import nor a URL', {
      hint: "Pass the default export of `import model from './model.onnx?quantize'`, or a string.",
    });
  }
  for (const target of RUNNABLE[backend]) {
    const variant = variants.find((candidate) => candidate.target === target);
    if (variant === undefined) continue;
    if (GPU_TARGETS.includes(target)) warn(`Model "${model.name}" has only a ${target} artefact for the ${backend} backend; it runs on the CPU and may be slow.`);
    return variant;
  }
  throw new RuntimeError('NO_VARIANT', `Model "${model.name}" has no variant that the ${backend} backend can run`, {
    hint: `Its targets are: ${variants.map((variant) => variant.target).join(', ') || 'none'}. Add "${backend}" to the targets of the plugin.`,
  });
}

/** What has to be downloaded, from a variant or a bare URL. */
export function modelFile(source: ModelVariant | string): ModelFile {
  if (typeof source === 'string') return { url: source, bytes: null, sha256: null };
  return { url: source.url, bytes: source.bytes, sha256: source.sha256 };
}
