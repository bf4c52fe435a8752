import { bytesSource, readModel, sameDomain } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { bytesOf } from '../support/run-model.ts';
import type { NodeTest, RunnableTest } from './cases.ts';
import { distance } from './compare.ts';
import { runOnce, valueNumbers, type RunResult } from './engine.ts';

export interface Runnable {
  /** Tests that the engine runs and whose outputs are numbers; those of newer versions are told to be of one that it knows. */
  tests: RunnableTest[];
  /** What it does not run, by name with its message. */
  gaps: Map<string, string>;
}

/** The newest versions that the engine is tried with where a test is of a newer one. */
const KNOWN = { ir: 13n, opset: 26n };

/** Finds out which tests the engine can run at all: the standard is ahead of it. */
export async function findRunnable(all: readonly NodeTest[]): Promise<Runnable> {
  const tests: RunnableTest[] = [];
  const gaps = new Map<string, string>();
  for (const given of all) {
    const { inputs, outputs } = given;
    if (inputs === null || outputs === null) {
      gaps.set(given.name, 'has inputs or outputs that are not tensors of numbers or text');
      continue;
    }
    const test = { ...given, inputs, outputs };
    const result = await runOnce(test.model, test.inputs);
    const older = 'failure' in result ? await inOlderVersion(test) : test;
    if (older === undefined) gaps.set(test.name, 'failure' in result ? result.failure : '');
    else tests.push(older);
  }
  return { tests, gaps };
}

/** The test with older version numbers, where it still gives what it should: most operators of a new version are those of the one before. */
async function inOlderVersion(test: RunnableTest): Promise<RunnableTest | undefined> {
  const model = readModel(bytesSource(test.model));
  const { proto } = model;
  if (proto.irVersion > KNOWN.ir) proto.irVersion = KNOWN.ir;
  for (const entry of proto.opsetImport) if (sameDomain(entry.domain, '') && entry.version > KNOWN.opset) entry.version = KNOWN.opset;
  const older = { ...test, model: bytesOf(model) };
  return isAsExpected(await runOnce(older.model, test.inputs), test) ? older : undefined;
}

function isAsExpected(result: RunResult, { outputs, rtol, atol }: RunnableTest): boolean {
  if ('failure' in result) return false;
  return Object.entries(outputs).every(([name, value]) => {
    const far = distance(result.outputs[name], { ...value, numbers: valueNumbers(value) });
    return typeof far !== 'string' && far.max <= atol + rtol * far.largest;
  });
}
