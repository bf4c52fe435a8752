import { describe, expect, it } from 'vitest';
import { QuantizeError } from '../../packages/unplugin-quantize/src/errors.ts';
import { formatDeclarations, parseDeclarations, typeOf } from '../../packages/unplugin-quantize/src/plugin/dts/declaration.ts';
import { modelModule, type ModelFacts } from '../../packages/unplugin-quantize/src/plugin/module-code.ts';
import { annotation, formatTable, reportHtml, reportJson, reportMarkdown } from '../../packages/unplugin-quantize/src/report/index.ts';
import { makeReport } from '../support/make-report.ts';

/** Names that a model or a file may have, each written for one reader of what they end up in. */
const NAMES = {
  'escapes of terminals': '\u001b[2J\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007\u009b31m',
  'new lines and workflow commands': 'a\n::error file=x::pwned%0A\r\n  ::set-output name=x::y\u2028::stop-commands::t\u2029',
  'marks that turn text': 'a\u202etxt.exe\u202c\u2066b\u2069\u061c\u200f',
  'markup': '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\'`--><!--',
  'Markdown': '](javascript:alert(1)) | `x` <details> @everyone #1 **b**',
  'code': '`${process.exit(1)}`; process.exit(1); //"\\"; } */ \u2028 process.exit(1) //',
  'prototypes': '__proto__',
};

const UNPRINTABLE = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const COMMAND = /^\s*::/m;

describe.each(Object.entries(NAMES))('%s in names', (_, name) => {
  const signature = [{ name, dtype: 'float32', dims: [1, name] }];
  const report = makeReport({ name, notes: [`What is said of ${name}.`], inputs: signature, outputs: signature, weights: [{ ...makeReport().weights[0]!, tensor: name, ops: [name], reason: name }] });

  it('do nothing to a terminal or a log', () => {
    const error = new QuantizeError('MODEL_INVALID', `A ${name} reads "${name}", which nothing defines.`, { model: name, node: name, option: name, hint: `Look at ${name}.` });
    for (const text of [formatTable([report], { color: false }), error.message]) {
      expect(text).not.toMatch(UNPRINTABLE);
      expect(text).not.toMatch(COMMAND);
    }
    // One line for what is wrong, one for each place, and the hint.
    expect(error.message.split('\n')).toEqual([expect.stringContaining('which nothing defines. [MODEL_INVALID]'), ...['model', 'node', 'option', 'hint'].map((place) => expect.stringMatching(new RegExp(`^  ${place}: `)))]);
    expect(error.withModel('x').message).toBe(error.message);
  });

  it('begin no command of a workflow', () => {
    const line = annotation('error', new QuantizeError('MODEL_INVALID', name, { node: name }).message, { title: name, file: name });
    expect(line.split(/[\r\n\u2028\u2029]/)).toHaveLength(1);
    expect(line).toMatch(/^::error file=[^:,]*,title=[^:,]*::/);
  });

  it('are text in reports', () => {
    const page = reportHtml([report]);
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page.match(/<\/script/g)).toHaveLength(1);
    expect(page).not.toMatch(/<img|<!--|javascript:alert\(1\)"/);
    expect(page).not.toMatch(UNPRINTABLE);
    const markdown = reportMarkdown([report]);
    expect(markdown).not.toMatch(/<script|<img|\]\(javascript|@everyone|<!--/);
    expect(markdown).not.toMatch(UNPRINTABLE);
    expect((JSON.parse(reportJson([report])) as { models: { inputs: { name: string }[] }[] }).models[0]!.inputs[0]!.name).toBe(name);
  });

  it('are text in declarations', () => {
    const type = typeOf(signature, signature);
    const text = formatDeclarations([{ pattern: `*/${name}`, models: new Map([[name, type], ['other', 'never']]) }]);
    expect(text).not.toMatch(UNPRINTABLE);
    // Every line is one of the frame, a row of the comment, or the one type.
    for (const line of text.split('\n').filter((each) => each !== '')) expect(line).toMatch(/^(?:\/\/.*|\/\* eslint-disable \*\/|declare module ".*" \{| {2}\/\/ ".*| {2}const model: import\(.*;| {2}export default model;|\})$/);
    expect(parseDeclarations(text)).toEqual([{ pattern: `*/${name}`, models: new Map([[name, type], ['other', 'never']]) }]);
  });

  it('are text in the code of a module', async () => {
    const facts = { name, hash: 'h', source: { bytes: 1, hash: 's' }, inputs: signature, outputs: signature, canary: { feeds: { [name]: 1 } }, variants: [], report: { format: 'int8', ratio: 1, cosine: 1 } } as unknown as ModelFacts;
    const code = modelModule(facts, new Map());
    expect(code).not.toMatch(/<\/|<!--/);
    expect(code).not.toMatch(UNPRINTABLE);
    const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { default: { name: string; canary: { feeds: object } } };
    expect(module.default.name).toBe(name);
    expect(Object.entries(module.default.canary.feeds)).toEqual([[name, 1]]);
  });
});
