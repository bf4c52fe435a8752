import { readFile } from 'node:fs/promises';
import type { Compression } from '../pipeline/index.ts';
import type { PluginState } from './state.ts';

/** What hosts serve without compressing it, or compress anew for each visitor. */
export const PRECOMPRESSED = /\.(?:onnx|wasm)$/;

/** Endings that servers look for: nginx' gzip_static and brotli_static, Caddy's precompressed, sirv, express-static-gzip. */
const ENDINGS: Record<Compression, string> = { gzip: '.gz', brotli: '.br' };

/** A compressed file for beside the file itself. */
export interface SideFile {
  name: string;
  bytes: Uint8Array;
}

/**
 * The compressed files that are asked for beside a published one; none for files of other kinds.
 *
 * @param name as it is published
 * @throws QuantizeError WRITE_FAILED
 */
export async function sideFiles(state: PluginState, name: string, bytes: Uint8Array): Promise<SideFile[]> {
  if (!PRECOMPRESSED.test(name)) return [];
  return Promise.all(state.precompress.map(async (compression) => ({ name: name + ENDINGS[compression], bytes: await readFile(await state.compress(bytes, compression)) })));
}
