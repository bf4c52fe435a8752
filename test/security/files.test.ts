import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import { distFolder, distUrl, hasDist, runNode, runScript } from '../support/dist.ts';
import { field, message, modelBytes, packed, text, varint } from '../support/wire-format.ts';

/** A model whose only weight is 4 kB of a file. */
function referring(location: string): Uint8Array {
  const entry = (key: string, value: string): Uint8Array => field(13, 2, message(text(1, key), text(2, value)));
  const weight = field(5, 2, message(packed(1, [varint(32), varint(32)]), field(2, 0, varint(1)), text(8, 'w'), field(14, 0, varint(1)), entry('location', location), entry('length', '4096')));
  const node = field(1, 2, message(text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul')));
  return modelBytes(node, weight, field(11, 2, message(text(1, 'x'))), field(12, 2, message(text(1, 'y'))));
}

describe.skipIf(!hasDist || process.platform !== 'linux')('external data (needs the built package and Linux)', () => {
  let around: string;
  let folder: string;
  beforeEach(() => {
    around = mkdtempSync(join(tmpdir(), 'external-'));
    folder = join(around, 'model');
    mkdirSync(folder);
    writeFileSync(join(around, 'secret.bin'), new Uint8Array(4096).fill(1));
    symlinkSync(join(around, 'secret.bin'), join(folder, 'link.bin'));
    symlinkSync(around, join(folder, 'out'));
    symlinkSync('/dev/zero', join(folder, 'zero.bin'));
    symlinkSync('loop.bin', join(folder, 'loop.bin'));
    mkdirSync(join(folder, 'folder.bin'));
    execFileSync('mkfifo', [join(folder, 'pipe.bin')]);
    writeFileSync(join(folder, 'right.bin'), new Uint8Array(4096).fill(2));
  });
  afterEach(() => rmSync(around, { recursive: true }));

  it('is read from the model’s folder only, by the command line and in a build, without waiting for anybody', async () => {
    const cases: Record<string, string | null> = {
      'right.bin': null, './right.bin': null,
      '../secret.bin': 'EXTERNAL_DATA_OUTSIDE', [join(around, 'secret.bin')]: 'EXTERNAL_DATA_OUTSIDE', 'folder.bin/../../secret.bin': 'EXTERNAL_DATA_OUTSIDE', '..\\secret.bin': 'EXTERNAL_DATA_OUTSIDE',
      'link.bin': 'EXTERNAL_DATA_OUTSIDE', 'out/secret.bin': 'EXTERNAL_DATA_OUTSIDE', 'zero.bin': 'EXTERNAL_DATA_OUTSIDE', '/dev/zero': 'EXTERNAL_DATA_OUTSIDE', '/proc/self/environ': 'EXTERNAL_DATA_OUTSIDE',
      'loop.bin': 'EXTERNAL_DATA_MISSING', 'pipe.bin': 'EXTERNAL_DATA_MISSING', 'folder.bin': 'EXTERNAL_DATA_MISSING', 'none.bin': 'EXTERNAL_DATA_MISSING', 'a\0b': 'EXTERNAL_DATA_OUTSIDE',
    };
    const names = Object.keys(cases);
    names.forEach((location, i) => writeFileSync(join(folder, `${i}.onnx`), referring(location)));
    const { stdout, stderr } = await runScript(`
      import { createPipeline } from ${JSON.stringify(distUrl('pipeline/index.js'))};
      import { quantizeModel } from ${JSON.stringify(distUrl('core.js'))};
      const pipeline = createPipeline({ root: ${JSON.stringify(folder)}, cacheDir: false, workers: 1 });
      const codes = [];
      const code = (promise) => promise.then(() => null, (error) => error.code ?? String(error.stack));
      for (let i = 0; i < ${names.length}; i++) {
        codes.push([await code(pipeline.quantizeFile(i + '.onnx', ${JSON.stringify(resolveModelOptions({ format: 'int8-storage', verify: false }))})), await code(quantizeModel(${JSON.stringify(folder)} + '/' + i + '.onnx'))]);
      }
      await pipeline.close();
      console.log(JSON.stringify(codes));`);
    expect(stderr).toBe('');
    const codes = JSON.parse(stdout) as (string | null)[][];
    const found = names.map((name, i) => [name, ...codes[i]!]);
    expect(found).toEqual(names.map((name) => [name, cases[name], cases[name]]));
  });

  it('is not written over by an artefact whose name it has', async () => {
    linkSync(join(folder, 'right.bin'), join(folder, 'same.bin'));
    writeFileSync(join(folder, 'm.onnx'), referring('right.bin'));
    const before = readdirSync(folder);
    const { code, stderr } = await runNode([join(distFolder, 'cli/main.js'), 'quantize', join(folder, 'm.onnx'), '-o', join(folder, 'right.bin'), '--no-verify']);
    expect({ code, told: stderr.includes('OPTION_INVALID') }).toEqual({ code: 2, told: true });
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each(['pipe.bin', 'zero.bin', 'folder.bin', 'loop.bin'])('and a model that is %s are refused alike', async (name) => {
    const { code, stderr } = await runNode([join(distFolder, 'cli/main.js'), 'quantize', join(folder, name), '-o', join(folder, 'o.onnx'), '--no-verify']);
    expect({ code, told: stderr.includes('MODEL_NOT_FOUND') }).toEqual({ code: 2, told: true });
  });
});
