import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ValueSignature } from '../../types.ts';
import { formatDeclarations, parseDeclarations, typeOf } from './declaration.ts';
import { createDeclarations, type Declarations } from './index.ts';

const value = (name: string, dims: ValueSignature['dims'] = [1, 'n', null]): ValueSignature => ({ name, dtype: 'float32', dims });
const typeA = typeOf([value('a"b')], [value('c', null)]);

it('writes what it can read again, in an order of its own', () => {
  const one = { pattern: '*/m.onnx?quantize', models: new Map([['b/m.onnx', typeA], ['a/"m".onnx', typeA]]) };
  const two = { pattern: 'pkg/long/m.onnx?quantize', models: new Map([['x', typeA], ['y', typeOf([], [])]]) };
  const text = formatDeclarations([one, two]);
  expect(formatDeclarations([two, one])).toBe(text);
  expect(text.indexOf('pkg/long')).toBeLessThan(text.indexOf('*/m.onnx'));
  expect(parseDeclarations(text)).toEqual([two, one].map(({ pattern, models }) => ({ pattern, models: new Map([...models].sort()) })));
  expect(formatDeclarations(parseDeclarations(text))).toBe(text);
  expect(parseDeclarations('declare module "broken {\n}\ndeclare module "x" {\n}')).toEqual([]);
});

describe('createDeclarations', () => {
  let root: string;
  let path: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dts-'));
    path = join(root, 'types/q.d.ts');
    for (const name of ['m.onnx', 'a/m.onnx', 'b/m.onnx']) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), '');
    }
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const open = (): Declarations => createDeclarations({ root: () => root, path: 'types/q.d.ts', warn: (message) => expect.fail(message) });
  const read = () => parseDeclarations(readFileSync(path, 'utf8')).map(({ pattern, models }) => [pattern, [...models.keys()]]);

  it('keeps what others have declared while their models are there, and does not touch what is right', async () => {
    const client = open();
    client.imported('./m.onnx?quantize', join(root, 'm.onnx'));
    client.imported('../a/m.onnx?quantize=fp16', join(root, 'a/m.onnx'));
    for (const ignored of ['./m.onnx?quantize&url', './m.onnx?import&quantize', `${root}/m.onnx?quantize`, './*.onnx?quantize']) client.imported(ignored, join(root, 'm.onnx'));
    for (const name of ['m.onnx', 'a/m.onnx']) client.described(join(root, name), [value('x')], [value('y')]);
    await client.write();
    const server = open();
    server.imported('pkg/m.onnx?quantize', join(root, 'b/m.onnx'));
    server.described(join(root, 'b/m.onnx'), [], []);
    await server.write();
    const all = [['*/a/m.onnx?quantize=fp16', ['a/m.onnx']], ['pkg/m.onnx?quantize', ['b/m.onnx']], ['*/m.onnx?quantize', ['m.onnx']]];
    expect(read()).toEqual(all);
    const { mtimeMs, ino } = statSync(path);
    await Promise.all([client.write(), server.write()]);
    expect(statSync(path)).toMatchObject({ mtimeMs, ino });
    rmSync(join(root, 'a/m.onnx'));
    await server.write();
    expect(read()).toEqual(all.slice(1));
  });

  it('gives models that look alike no type of their own, unless it is the same', async () => {
    const declarations = open();
    for (const name of ['m.onnx', 'b/m.onnx']) {
      declarations.imported('./m.onnx?quantize', join(root, name));
      declarations.described(join(root, name), [value('x')], [value('y')]);
    }
    await declarations.write();
    expect(readFileSync(path, 'utf8')).toContain('TypedModel<{ "x"');
    declarations.described(join(root, 'm.onnx'), [value('z')], [value('y')]);
    await declarations.write();
    expect(readFileSync(path, 'utf8')).toMatch(/const model: import\('unplugin-quantize\/runtime'\)\.QuantizedModel;/);
  });
});
