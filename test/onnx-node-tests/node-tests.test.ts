import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuantizeError } from '../../packages/unplugin-quantize/src/errors.ts';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { bytesSource, readModel } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { FORMATS, SAMPLED_FORMATS } from '../../packages/unplugin-quantize/src/options.ts';
import type { Format } from '../../packages/unplugin-quantize/src/types.ts';
import { bytesOf } from '../support/run-model.ts';
import { readNodeTests, type NodeTest, type RunnableTest } from './cases.ts';
import { collectedFolder } from './collect.ts';
import { runOnce } from './engine.ts';
import { outputProblem, quantizeModel, untouchedProblem } from './judge.ts';
import { findRunnable } from './runnable.ts';
import type { Variant } from './variant-parts.ts';
import { withBallast, withSlices } from './variants.ts';
import { widened } from './widen.ts';

const formats = Object.keys(FORMATS) as Format[];
const collected = await collectedFolder();
const missing = 'reason' in collected ? collected.reason : undefined;

/** Opsets below 9 are refused; the standard has few tests for them. */
const isTooOld = (error: unknown): boolean => error instanceof QuantizeError && error.code === 'OPSET_UNSUPPORTED';

describe.skipIf(missing !== undefined)(`the node tests of the ONNX standard${missing === undefined ? '' : `, which are not to be had: ${missing}`}`, { timeout: 300_000 }, () => {
  const tests: NodeTest[] = missing === undefined ? readNodeTests((collected as { folder: string }).folder) : [];
  const counts: Record<string, number> = {};
  let runnable: RunnableTest[];

  beforeAll(async () => {
    const found = await findRunnable(tests.filter((test) => !isRefused(test)));
    runnable = found.tests;
    counts['engine gaps'] = found.gaps.size;
  });

  afterAll(() => console.log(`node tests: ${Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(', ')}`));

  it('reads and writes every model byte for byte', () => {
    const changed = tests.filter((test) => !isRefused(test) && Buffer.compare(bytesOf(readModel(bytesSource(test.model))), test.model) !== 0);
    counts['models'] = tests.length;
    expect(changed.map(({ name }) => name)).toEqual([]);
    expect(tests.length).toBeGreaterThan(1800);
    expect(tests.filter(isRefused).length).toBeLessThan(tests.length / 50);
  });

  it.each(formats)('takes every model as %s, or leaves it and says so', (format) => {
    const problems = tests.filter((test) => !isRefused(test)).flatMap(({ name, model }) => {
      const artefact = quantizeModel(model, format);
      const problem = artefact.format === 'none' ? untouchedProblem(artefact, format, model) : undefined;
      return problem === undefined ? [] : [`${name} ${problem}`];
    });
    expect(problems).toEqual([]);
  });

  // Other formats touch no weight of these sizes: there it is the tidying of graphs of several nodes that could go wrong.
  it('computes every node in a model that something else makes smaller', async () => {
    expect(await judge(withBallast, ['fp16'])).toEqual([]);
    expect(await judge((test) => (isComposed(test) ? withBallast(test) : undefined), ['fp16-storage', 'int8'])).toEqual([]);
    expect(runnable.length).toBeGreaterThan(1400);
  });

  it('computes nodes whose inputs are slices of quantized weights', async () => {
    expect(await judge(withSlices, ['int8', 'fp16-storage'])).toEqual([]);
  });

  it('computes nodes with large weights', async () => {
    // What fixed scales make of values is looked at where samples are (src/quantize/static).
    const judged = formats.filter((format) => !SAMPLED_FORMATS.includes(format));
    expect(await judge(widened, judged)).toEqual([]);
    const used = formats.filter((format) => (counts[`as ${format}`] ?? 0) > 0);
    expect(used).toEqual(judged.filter((format) => format !== 'none'));
  });

  /** Problems of all artefacts of the variants that the engine runs; artefacts that equal one of another format are looked at once. */
  async function judge(make: (test: RunnableTest) => Variant | undefined, asked: readonly Format[]): Promise<string[]> {
    const problems: string[] = [];
    for (const test of runnable) {
      const variant = make(test);
      const source = variant && await runOnce(variant.model, variant.feeds);
      if (variant === undefined || source === undefined || 'failure' in source) continue;
      const seen: Uint8Array[] = [variant.model];
      for (const format of asked) {
        const artefact = quantizeModel(variant.model, format);
        if (seen.some((bytes) => Buffer.compare(bytes, artefact.bytes) === 0)) continue;
        seen.push(artefact.bytes);
        counts[`as ${format}`] = (counts[`as ${format}`] ?? 0) + 1;
        const problem = await outputProblem(variant, format, artefact, source.outputs);
        if (problem !== undefined && await isRepeatable(variant)) problems.push(`${variant.name} as ${format}: ${problem}`);
      }
    }
    return problems;
  }
});

const refused = new Map<NodeTest, boolean>();

function isRefused(test: NodeTest): boolean {
  const known = refused.get(test);
  if (known !== undefined) return known;
  try {
    readModel(bytesSource(test.model, test.name));
    refused.set(test, false);
  } catch (error) {
    if (!isTooOld(error)) throw error;
    refused.set(test, true);
  }
  return refused.get(test)!;
}

/** Tests of operators that the standard defines by others come a second time, written with these. */
function isComposed({ name }: NodeTest): boolean {
  return name.includes('_expanded');
}

/** Operators that draw random numbers give something else each time, or after another node was put in front of them. */
async function isRepeatable({ model, feeds }: Variant): Promise<boolean> {
  const shifted = readModel(bytesSource(model));
  shifted.proto.graph!.node.unshift(makeNode('RandomNormal', [], ['unread'], { shape: [1] }));
  const [first, second] = [await runOnce(model, feeds), await runOnce(bytesOf(shifted), feeds)];
  return JSON.stringify(first) === JSON.stringify(second);
}
