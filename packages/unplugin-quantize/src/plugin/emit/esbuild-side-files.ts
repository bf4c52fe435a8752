import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BuildOptions, BuildResult } from 'esbuild';
import { PRECOMPRESSED, sideFiles } from '../precompress.ts';
import type { PluginState } from '../state.ts';

/** Writes compressed files beside models and .wasm files, or adds them to the outputs of a build that writes nothing. */
export async function writeSideFiles(state: PluginState, { absWorkingDir = process.cwd() }: BuildOptions, { metafile, outputFiles }: BuildResult): Promise<void> {
  if (state.precompress.length === 0) return;
  for (const name of Object.keys(metafile?.outputs ?? {}).filter((output) => PRECOMPRESSED.test(output))) {
    const path = resolve(absWorkingDir, name);
    const bytes = outputFiles?.find((output) => output.path === path)?.contents ?? (await readFile(path));
    for (const side of await sideFiles(state, path, bytes)) {
      if (outputFiles === undefined) await writeFile(side.name, side.bytes);
      else outputFiles.push({ path: side.name, contents: side.bytes, hash: createHash('sha256').update(side.bytes).digest('hex'), text: '' });
    }
  }
}
