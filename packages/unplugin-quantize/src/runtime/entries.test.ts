import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

  it('run in Node on onnxruntime-web where onnxruntime-node is not installed', async () => {
    const project = join(folder, 'without-native');
    mkdirSync(join(project, 'node_modules'), { recursive: true });
    symlinkSync(realpathSync(join(import.meta.dirname, '../../node_modules/onnxruntime-web')), join(project, 'node_modules/onnxruntime-web'), 'junction');
    for (const { fileName } of node) copyFileSync(join(folder, fileName), join(project, fileName));
    const script = join(project, 'run.mjs');
    writeFileSync(script, `import { createSession } from './node.mjs';
      const told = [];
      const session = await createSession(process.argv[2], { onFallback: ({ backend, reason }) => told.push([backend, reason]) });
      const { y } = await session.run({ x: { type: 'float32', dims: [1, 32], data: new Float32Array(32), location: 'cpu' } });
      console.log(JSON.stringify({ backend: session.backend, dims: y.dims, told }));
      await session.dispose();`);
    const model = join(import.meta.dirname, '../../../../test/reference/quantize/mlp.onnx');
    const { stdout } = await promisify(execFile)(process.execPath, [script, model], { env: { PATH: process.env['PATH'] } });
    const { backend, dims, told } = JSON.parse(stdout) as { backend: string; dims: number[]; told: string[][] };
    expect([backend, dims]).toEqual(['wasm', [1, 30]]);
    expect(told.map(([name]) => name)).toEqual(['cuda', 'cpu']);
    expect(told[1]![1]).toContain('onnxruntime-node could not be loaded');
  });
});
