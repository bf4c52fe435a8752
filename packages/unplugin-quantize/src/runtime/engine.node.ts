import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { webEngine, type WebOrt } from './engine.web.ts';
import { messageOf, RuntimeError } from './errors.ts';
import type { Engine, EngineSession, LoadedModel, RunArguments, RunResults } from './host.ts';
import { createLane, noLane, type Lane } from './lane.ts';
import { tellingLoss } from './loss.node.ts';
import { withProvider } from './session-options.ts';
import type { Backend, CreateSessionOptions, InferenceSession, SessionOptions } from './types.ts';

type NodeOrt = typeof Ort;

const MISSING = {
  'onnxruntime-node': 'Install it: npm install onnxruntime-node',
  'onnxruntime-web': 'Install onnxruntime-node, or onnxruntime-web, which needs no native library and is slower.',
};

/** @throws RuntimeError ENGINE_MISSING */
export async function nodeEngine(): Promise<Engine> {
  const ort = await load('onnxruntime-node', () => import('onnxruntime-node'));
  return aroundNative(ort);
}

/**
 * onnxruntime-web's WASM in Node. Its name is no literal, so that bundlers leave it alone: it is an optional package whose files they could not place.
 * @throws RuntimeError ENGINE_MISSING
 */
export async function wasmEngine(): Promise<Engine> {
  const name = ['onnxruntime', 'web'].join('-');
  return webEngine(await load('onnxruntime-web', () => import(/* @vite-ignore */ /* webpackIgnore: true */ name) as Promise<WebOrt>));
}

async function load<T>(name: keyof typeof MISSING, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    throw new RuntimeError('ENGINE_MISSING', `${name} could not be loaded: ${messageOf(cause)}`, { hint: MISSING[name], cause });
  }
}

/** WebGPU has one device a process, whose runs must not overlap; other providers take calls from everywhere. */
const gpuLane = createLane();

function aroundNative(ort: NodeOrt): Engine {
  const version = ort.env.versions.node ?? ort.env.versions.common;
  return {
    name: 'onnxruntime-node',
    version,
    Tensor: ort.Tensor as unknown as Engine['Tensor'],
    create: async (backend, model, sessionOptions, options) => aroundSession(await createNative(ort, version, backend, model, sessionOptions, options), backend),
  };
}

/** With CUDA onnxruntime warns of every session that it leaves the arithmetic of shapes to the CPU. */
const ERRORS_ONLY = 3;

async function createNative(
  { InferenceSession }: NodeOrt,
  version: string,
  backend: Backend,
  model: LoadedModel,
  sessionOptions: SessionOptions,
  { numThreads, signal }: CreateSessionOptions,
): Promise<Ort.InferenceSession> {
  if (backend === 'cuda' && !mayHaveCuda()) throw cudaMissing();
  const provided = withProvider(backend === 'cuda' ? { logSeverityLevel: ERRORS_ONLY, ...sessionOptions } : sessionOptions, providerOf(backend));
  const chosen = numThreads === undefined ? provided : { ...provided, intraOpNumThreads: numThreads };
  return laneOf(backend)(async () => {
    signal?.throwIfAborted();
    // One call a type, because the declared overloads do not take the union.
    const creation = typeof model === 'string' ? InferenceSession.create(model, chosen) : InferenceSession.create(model, chosen);
    return creation.catch((cause: unknown) => {
      throw refusal(cause, backend, version);
    });
  });
}

/** A function of its own, so that the session's closures do not hold the model's bytes. */
function aroundSession(session: Ort.InferenceSession, backend: Backend): EngineSession {
  const lane = laneOf(backend);
  const run = (...args: RunArguments): Promise<RunResults> => (session.run as (...args: RunArguments) => Promise<RunResults>)(...args);
  const told = backend === 'cpu' ? run : tellingLoss(run);
  return {
    backend,
    session: session as InferenceSession,
    run: (...args) => lane(() => told(...args)),
    release: () => lane(() => session.release()),
  };
}

function laneOf(backend: Backend): Lane {
  return backend === 'webgpu' ? gpuLane : noLane;
}

function providerOf(backend: Backend): 'webgpu' | 'cuda' | 'cpu' {
  return backend === 'webgpu' || backend === 'cuda' ? backend : 'cpu';
}

/** False only where onnxruntime-node's libraries are found and CUDA is not among them: trying it would have the engine print lines of its own. */
function mayHaveCuda(): boolean {
  try {
    const bin = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '../bin');
    const files = readdirSync(bin, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes(join(platform(), arch())));
    return files.length === 0 || files.some((file) => file.includes('providers_cuda'));
  } catch {
    return true;
  }
}

function cudaMissing(cause?: unknown): RuntimeError {
  return new RuntimeError('ENGINE_MISSING', 'the CUDA libraries of onnxruntime-node are not there', {
    hint: 'Its install script downloads them (linux x64); CUDA and cuDNN themselves have to be installed, too.',
    cause,
  });
}

function refusal(cause: unknown, backend: Backend, version: string): RuntimeError {
  const message = messageOf(cause);
  if (backend === 'cuda' && /load.*library|onnxruntime_providers_(?:shared|cuda)/i.test(message)) return cudaMissing(cause);
  return new RuntimeError('SESSION_FAILED', `onnxruntime-node ${version} could not create a session on ${backend}: ${message}`, { cause });
}
