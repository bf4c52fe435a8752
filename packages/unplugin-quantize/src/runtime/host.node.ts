import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { checkedChunks, download } from './download.ts';
import { nodeEngine, wasmEngine } from './engine.node.ts';
import { RuntimeError } from './errors.ts';
import { filePath, openFile } from './file.node.ts';
import type { Device, Host } from './host.ts';
import { openHttp } from './resume.ts';
import type { Backend, LoadOptions, ModelFile, ModelStream } from './types.ts';
import { nodeVerdicts } from './verdicts.node.ts';
import { assertHash } from './verify.ts';

/** What NVIDIA's driver puts in place, and what names its version. */
const NVIDIA_DRIVER: Partial<Record<NodeJS.Platform, string>> = {
  linux: '/proc/driver/nvidia/version',
  win32: 'C:\\Windows\\System32\\nvcuda.dll',
};

export const nodeHost: Host = {
  backends: ['cuda', 'webgpu', 'cpu', 'wasm'],
  // WebGPU in Node has to be asked for.
  ladder: () => ['cuda', 'cpu', 'wasm'],
  probe: async (backend, { backends }) => probe(backend, backends !== undefined),
  engine: (backend) => (backend === 'wasm' ? wasmEngine() : nodeEngine()),
  load: loadInNode,
  verdicts: async () => nodeVerdicts,
};

/** A CUDA that was asked for is tried, whatever the machine looks like: containers hide the driver's files. */
function probe(backend: Backend, asked: boolean): Device {
  const driver = NVIDIA_DRIVER[platform()];
  const hasDriver = driver !== undefined && existsSync(/* turbopackIgnore: true */ driver);
  if (backend === 'cuda' && !asked && !hasDriver) throw new RuntimeError('BACKEND_UNAVAILABLE', 'there is no NVIDIA driver');
  const graphics = hasDriver && (backend === 'cuda' || backend === 'webgpu') ? driverVersion(driver) : '';
  return { name: [platform(), arch(), cpus()[0]?.model, backend === 'webgpu' ? release() : '', graphics].join(), hasFloat16: true };
}

function driverVersion(file: string): string {
  return file.endsWith('version') ? (readFileSync(file, 'utf8').split('\n')[0] ?? '') : '';
}

/** A plain file is checked without holding it in memory and then read by the engine, which so finds external data too. */
async function loadInNode(file: ModelFile, backend: Backend, options: LoadOptions): Promise<Uint8Array<ArrayBuffer> | string> {
  const path = filePath(file.url);
  if (path === null || backend === 'wasm' || file.encoding !== undefined || file.parts !== undefined) return download(openFileOrHttp, file, options);
  await verifyFile(path, file, options);
  return path;
}

/**
 * Checks size, first bytes and SHA-256 of a file.
 * @throws RuntimeError FILE_ERROR, NOT_A_MODEL, SIZE_MISMATCH, HASH_MISMATCH; the signal's reason when aborted
 */
async function verifyFile(path: string, file: ModelFile, options: LoadOptions): Promise<void> {
  const hash = createHash('sha256');
  const stream = await openFile(path, options.signal);
  for await (const chunk of checkedChunks(stream, file, options.onProgress)) hash.update(chunk);
  assertHash(hash.digest('hex'), file);
}

export function openFileOrHttp(url: string, options: LoadOptions, checked: boolean): Promise<ModelStream> {
  const path = filePath(url);
  return path === null ? openHttp(url, options, checked) : openFile(path, options.signal);
}
