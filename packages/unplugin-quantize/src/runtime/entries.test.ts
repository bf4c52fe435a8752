import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { rolldown, type OutputChunk } from 'rolldown';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type * as Node from './index.node.ts';
import type * as Web from './index.web.ts';

const folder = mkdtempSync(join(tmpdir(), 'runtime-entries-'));

/** The minified files of an entry, itself first, with the engines left outside. */
async function bundle(entry: string, file: string): Promise<OutputChunk[]> {
  const bundle = await rolldown({
    input: join(import.meta.dirname, entry),
    platform: 'neutral',
    external: [/^onnxruntime-/, /^node:/],
  });
  const { output } = await bundle.write({ dir: folder, minify: true, entryFileNames: file, chunkFileNames: `${file}-[name].mjs` });
  await bundle.close();
  return output.flatMap((part) => (part.type === 'chunk' ? [part] : [])).sort((a, b) => Number(b.isEntry) - Number(a.isEntry));
}

/** What is loaded at once: the entry and what it imports statically. */
function loadedAtOnce([entry, ...others]: OutputChunk[]): OutputChunk[] {
  if (entry === undefined) throw new Error('no entry');
  return [entry, ...others.filter(({ fileName }) => entry.imports.includes(fileName))];
}

let web: OutputChunk[];
let node: OutputChunk[];
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
    const sizes = loadedAtOnce(web).map(({ code }) => gzipSync(code).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(8_000);
    for (const { code } of web) expect(code).not.toMatch(/["'`]node:|onnxruntime-node/);
  });

  it('import the engines dynamically only, and nothing but Node', () => {
    const outside = (chunks: OutputChunk[], key: 'imports' | 'dynamicImports'): string[] => {
      const own = new Set(chunks.map(({ fileName }) => fileName));
      return [...new Set(chunks.flatMap((chunk) => chunk[key]))].filter((id) => !own.has(id)).sort();
    };
    expect(outside(web, 'imports')).toEqual([]);
    expect(outside(web, 'dynamicImports')).toEqual(['onnxruntime-web/jspi', 'onnxruntime-web/wasm', 'onnxruntime-web/webgpu']);
    expect(outside(node, 'dynamicImports')).toEqual(['onnxruntime-node']);
    expect(outside(node, 'imports').filter((id) => !id.startsWith('node:'))).toEqual([]);
  });

  it('say how to install engines that are missing', async () => {
    const script = join(folder, 'run.mjs');
    writeFileSync(script, "import { createSession } from './node.mjs'; await createSession('/m.onnx', { onFallback: (f) => console.log(JSON.stringify(f)) }).catch((e) => console.log(JSON.stringify({ code: e.code, hint: e.hint })));");
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env: { PATH: process.env['PATH'] } });
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
    expect(lines.map(({ backend }) => backend)).toEqual(['cuda', 'cpu', undefined]);
    expect(lines[1]?.['reason']).toContain('npm install onnxruntime-node');
    expect(lines[2]).toMatchObject({ code: 'ENGINE_MISSING', hint: expect.stringMatching(/onnxruntime-node.*onnxruntime-web/) });
  });
});
