import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type * as Node from './index.node.ts';
import type * as Web from './index.web.ts';

const folder = mkdtempSync(join(tmpdir(), 'runtime-entries-'));

interface Chunk {
  code: string;
  imports: string[];
  dynamicImports: string[];
}

/** One minified file from an entry, with the engines left outside. */
async function bundle(entry: string, file: string): Promise<Chunk> {
  const results = await build({
    configFile: false,
    logLevel: 'error',
    root: import.meta.dirname,
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: 'es2022',
      minify: true,
      rollupOptions: {
        input: join(import.meta.dirname, entry),
        output: { entryFileNames: file },
        preserveEntrySignatures: 'strict',
        external: [/^onnxruntime-/, /^node:/],
      },
    },
  });
  const outputs = [results].flat().flatMap((result) => ('output' in result ? result.output : []));
  const [chunk] = outputs;
  if (outputs.length !== 1 || chunk?.type !== 'chunk') throw new Error(`${entry} became ${outputs.length} files`);
  return chunk;
}

let web: Chunk;
let node: Chunk;
beforeAll(async () => {
  web = await bundle('index.web.ts', 'web.mjs');
  node = await bundle('index.node.ts', 'node.mjs');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the two entries', () => {
  it('have one surface', () => {
    expectTypeOf<typeof Node>().toEqualTypeOf<typeof Web>();
  });

  it('the web entry is at most 8 kB compressed and knows nothing of Node', () => {
    expect(gzipSync(web.code).length).toBeLessThanOrEqual(8_000);
    expect(web.code).not.toMatch(/["'`]node:|onnxruntime-node/);
  });

  it('import the engine dynamically only, and nothing but Node', () => {
    expect(web).toMatchObject({ imports: [], dynamicImports: ['onnxruntime-web/wasm'] });
    expect(node.dynamicImports).toEqual(['onnxruntime-node']);
    expect(node.imports.filter((id) => !id.startsWith('node:'))).toEqual([]);
  });

  it('say how to install an engine that is missing', async () => {
    const script = join(folder, 'run.mjs');
    writeFileSync(script, "import { createSession } from './node.mjs'; await createSession('/m.onnx').catch((e) => console.log(JSON.stringify({ code: e.code, hint: e.hint })));");
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env: { PATH: process.env['PATH'] } });
    expect(JSON.parse(stdout)).toEqual({ code: 'ENGINE_MISSING', hint: 'Install it: npm install onnxruntime-node' });
  });
});
