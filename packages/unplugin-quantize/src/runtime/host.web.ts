import { loadShared } from './cache.web.ts';
import { usualThreads, webEngine, type WebEngine, type WebOrt } from './engine.web.ts';
import { messageOf, RuntimeError } from './errors.ts';
import type { Device, Host } from './host.ts';
import type { Backend, CreateSessionOptions } from './types.ts';

type Build = 'wasm' | 'webgpu' | 'jspi';

/** The imports must stay dynamic: ORT's worker threads run the chunk that contains it once more, and a page needs one of the builds. */
const BUILDS: Record<Build, () => Promise<WebOrt>> = {
  wasm: () => import('onnxruntime-web/wasm'),
  webgpu: () => import('onnxruntime-web/webgpu'),
  jspi: () => import('onnxruntime-web/jspi'),
};

let gpu: WebEngine | undefined;

export const webHost: Host = {
  backends: ['webgpu', 'wasm-threads', 'wasm'],
  ladder: () => ['webgpu', 'wasm-threads', 'wasm'],
  probe: async (backend, options) => {
    if (backend !== 'webgpu') return probeWasm(backend, options);
    // Loaded on demand: only some models are for GPUs.
    const { probeGpu } = await import('./gpu.web.ts');
    return probeGpu();
  },
  engine: (backend) => (backend === 'webgpu' ? gpuEngine() : wasmEngine()),
  load: (file, _, options) => loadShared(file, options),
  // Loaded on demand: only models with a canary need it.
  verdicts: async () => (await import('./verdicts.web.ts')).webVerdicts,
};

async function gpuEngine(): Promise<WebEngine> {
  gpu = await loadEngine('Suspending' in WebAssembly ? 'jspi' : 'webgpu');
  return gpu;
}

/**
 * The build for GPUs is taken for WASM too when it is there: it spares a download, and computes as fast as the small one but for models of a few
 * milliseconds, where Asyncify costs a fifth to a third.
 */
async function wasmEngine(): Promise<WebEngine> {
  if (gpu?.state() === 'started') return gpu;
  const engine = await loadEngine('wasm');
  // A bundler may have made one module of two builds.
  return engine.state() === 'lost' ? loadEngine('webgpu') : engine;
}

/** @throws RuntimeError ENGINE_MISSING */
async function loadEngine(build: Build): Promise<WebEngine> {
  try {
    return webEngine(await BUILDS[build]());
  } catch (cause) {
    throw new RuntimeError('ENGINE_MISSING', `onnxruntime-web could not be loaded: ${messageOf(cause)}`, {
      hint: 'Check that its chunk was deployed with the page.',
      cause,
    });
  }
}

async function probeWasm(backend: Backend, { numThreads = usualThreads() }: CreateSessionOptions): Promise<Device> {
  if (backend === 'wasm-threads') {
    if (globalThis.crossOriginIsolated !== true) throw unavailable('threads need a cross-origin isolated page (COOP and COEP headers)');
    if (numThreads < 2) throw unavailable('one thread is all that is asked for or worthwhile');
  }
  return { name: navigator.userAgent, hasFloat16: true };
}

function unavailable(why: string): RuntimeError {
  return new RuntimeError('BACKEND_UNAVAILABLE', why);
}
