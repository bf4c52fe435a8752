import { SourceMap } from 'node:module';
import { describe, expect, it } from 'vitest';
import { rewriteUrls } from './rewrite-urls.ts';

const rewrite = (code: string, isAbsolute = false, id = '/app/main.js'): string | undefined => rewriteUrls(code, id, { isAbsolute, hasRequire: true })?.code;

describe('rewriteUrls', () => {
  it.each<[string, string, string]>([
    ["new URL('./m.onnx?quantize=int8', import.meta.url)", 'new URL(__quantized_0, import.meta.url)', './m.onnx?quantize=int8&url'],
    ['new  URL( "m.onnx?quantize" , import.meta.url, ).href', 'new  URL( __quantized_0 , import.meta.url, ).href', './m.onnx?quantize&url'],
    ["new URL('../my%20m%23.onnx?quantize', import.meta.url)", 'new URL(__quantized_0, import.meta.url)', '../my m#.onnx?quantize&url'],
    ["ort.InferenceSession.create('./m.onnx?quantize', { a: 1 })", 'ort.InferenceSession.create(__quantized_0, { a: 1 })', './m.onnx?quantize&as=path'],
    ['InferenceSession.create(`pkg/m.onnx?quantize`)', 'InferenceSession.create(__quantized_0)', 'pkg/m.onnx?quantize&as=path'],
    ["InferenceSession.create(new URL('./m.onnx?quantize', import.meta.url), o)", 'InferenceSession.create(__quantized_0, o)', './m.onnx?quantize&as=path'],
    ["InferenceSession.create(new URL('./m.onnx?quantize', import.meta.url).href)", 'InferenceSession.create(__quantized_0)', './m.onnx?quantize&as=path'],
    ["InferenceSession.create(\n  new URL('./m.onnx?quantize', import.meta.url).toString(),\n)", 'InferenceSession.create(\n  __quantized_0,\n)', './m.onnx?quantize&as=path'],
    ["new URL('./m.onnx?quantize', import.meta.url).pathname", 'new URL(__quantized_0, import.meta.url).pathname', './m.onnx?quantize&url'],
  ])('%s', (code, wanted, specifier) => expect(rewrite(code)).toBe(`${wanted}\nimport __quantized_0 from ${JSON.stringify(specifier)};`));

  it.each([
    "new URL('./m.onnx', import.meta.url)",
    "new URL('./m.onnx?quantize', base)",
    "new URL('./m.onnx?quantization', import.meta.url)",
    "// new URL('./m.onnx?quantize', import.meta.url)",
    "/* InferenceSession.create('./m.onnx?quantize') */",
    "`new URL('./m.onnx?quantize', import.meta.url)`",
    "import m from './m.onnx?quantize'",
    "fetch('./m.onnx?quantize')",
    'new URL(`./${name}.onnx?quantize`, import.meta.url)',
    'InferenceSession.create(model)',
  ])('leaves %s', (code) => expect(rewrite(code)).toBe(undefined));

  it('needs no base where URLs are absolute', () => {
    expect(rewrite("new URL('./m.onnx?quantize', import.meta.url).href", true)).toBe('new URL(__quantized_0).href\nimport __quantized_0 from "./m.onnx?quantize&url";');
  });

  it('imports each model once, under a name that the module does not have, and keeps directives first', () => {
    const one = "new URL('./a.onnx?quantize', import.meta.url)";
    const code = `'use client';\nlet __quantized_0;\nf(${one}, ${one}, ${one.replace('a.', 'b.')});`;
    expect(rewrite(code)).toBe(
      `'use client';\nlet __quantized_0;\nf(new URL(___quantized_0, import.meta.url), new URL(___quantized_0, import.meta.url), new URL(__quantized_1, import.meta.url));\n` +
        'import ___quantized_0 from "./a.onnx?quantize&url";\nimport __quantized_1 from "./b.onnx?quantize&url";',
    );
  });

  it('reads the scripts of components', () => {
    const create = "InferenceSession.create('./m.onnx?quantize')";
    const imports = (index: number): string => `\nimport __quantized_${index} from "./m.onnx?quantize&as=path";`;
    const vue = (first: string, second: string): string => `<template>{{ "${create}" }}</template>\n<script lang="ts" generic="T extends Record<string, number>">\n${first}</script>\n<script setup>${second}</script>\n<style></style>`;
    expect(rewrite(vue(create, create), false, '/app/App.vue')).toBe(vue(`InferenceSession.create(__quantized_0)${imports(0)}`, `InferenceSession.create(__quantized_1)${imports(1)}`));
    const svelte = (code: string): string => `<script module>\n  const session = ${code}</script>\n\n<p>{"${create}"}</p>\n`;
    expect(rewrite(svelte(create), false, '/app/App.svelte')).toBe(svelte(`InferenceSession.create(__quantized_0)${imports(0)}`));
    const astro = (code: string): string => `---\nconst session = ${code}\n---\n<p>{"${create}"}</p>\n`;
    expect(rewrite(astro(`${create};`), false, '/app/page.astro')).toBe(`---\nconst session = InferenceSession.create(__quantized_0);\n${imports(0)}---\n<p>{"${create}"}</p>\n`);
    // Compiled by a plugin that came first.
    expect(rewrite(create, false, '/app/App.svelte')).toBe(`InferenceSession.create(__quantized_0)${imports(0)}`);
    expect(rewrite(`<p>${create}</p>`, false, '/app/App.svelte')).toBe(undefined);
  });

  it.each([
    ["const ort = require('onnxruntime-web');\nmodule.exports = () => ort.InferenceSession.create('./m.onnx?quantize');", "create(require(\"./m.onnx?quantize&as=path\").default);"],
    ["exports.url = new URL('./m.onnx?quantize', import.meta.url);", 'exports.url = new URL(require("./m.onnx?quantize&url").default);'],
  ])('requires models in CommonJS: %s', (code, wanted) => {
    expect(rewrite(code, true)).toContain(wanted);
    expect(rewrite(code, true)).not.toContain('import __');
    expect(rewrite(`import a from 'a';\n${code}`, true)).toContain('import __quantized_0');
    expect(rewriteUrls(code, '/app/main.js', { isAbsolute: true, hasRequire: false })!.code).toContain('import __quantized_0');
  });

  it('maps what follows to its place', () => {
    const code = "a();\nconst u = new URL('./m.onnx?quantize', import.meta.url), after = 1;\nb();";
    const { code: made, map } = rewriteUrls(code, '/app/main.js', { isAbsolute: true, hasRequire: true })!;
    const payload = new SourceMap({ ...map, file: 'main.js', sourceRoot: '', sourcesContent: [code] });
    for (const word of ['after', 'b()']) {
      const lines = made.slice(0, made.indexOf(word)).split('\n');
      const { originalLine, originalColumn } = payload.findEntry(lines.length - 1, lines.at(-1)!.length) as { originalLine: number; originalColumn: number };
      expect(code.split('\n')[originalLine]!.slice(originalColumn)).toMatch(new RegExp(`^${word.replace('()', '')}`));
    }
  });
});
