import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QuantizeError } from '../../packages/unplugin-quantize/src/errors.ts';
import { bytesSource, readModel, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { collectedFolder } from '../onnx-node-tests/collect.ts';
import { readNodeTests } from '../onnx-node-tests/cases.ts';
import { allModels } from '../support/models.ts';
import { differences, engineDtypes, type Difference } from './engine-dtypes.ts';

/** What is told of these depends on subgraphs, on what sequences hold, or on text. */
const NOT_TOLD = ['If', 'Loop', 'Scan', 'SequenceAt', 'SequenceMap', 'ConcatFromSequence', 'OptionalGetElement', 'LabelEncoder'];

const describeAll = (found: readonly Difference[]): string[] => found.map(({ node, output, told, inferred }) => `${node.domain}.${node.opType} ${output}: ${told} told, ${inferred} inferred`);
/** Operators of other domains are left as they are, so nothing has to be known of them. */
const isTold = ({ node, told }: Difference): boolean => told !== undefined || (node.domain === '' && !NOT_TOLD.includes(node.opType));

describe('element types that rules tell of outputs are those that onnxruntime infers', () => {
  it.each(allModels.map((path) => [basename(path), path]))('in %s', async (_, path) => {
    const model = readModel(bytesSource(readFileSync(path)));
    const dtypes = await engineDtypes(model);
    expect(dtypes?.size).toBeGreaterThan(model.proto.graph!.node.length / 2);
    expect(describeAll(differences(model, dtypes!).filter(isTold))).toEqual([]);
  });

  it('in the node tests of the ONNX standard, where they are to be had', async ({ skip }) => {
    const collected = await collectedFolder();
    if ('reason' in collected) return skip(collected.reason);
    let [judged, refused] = [0, 0];
    const found: string[] = [];
    for (const { name, model: bytes } of readNodeTests(collected.folder)) {
      const model = tryReading(bytes);
      const dtypes = model === undefined ? undefined : await engineDtypes(model);
      if (dtypes === undefined) refused++;
      else {
        judged++;
        found.push(...describeAll(differences(model!, dtypes).filter(isTold)).map((difference) => `${name}: ${difference}`));
      }
    }
    expect(found).toEqual([]);
    expect(judged).toBeGreaterThan(1400);
    expect(refused).toBeLessThan(judged / 2);
  }, 300_000);
});

/** Undefined for opsets that are not read. */
function tryReading(bytes: Uint8Array): Model | undefined {
  try {
    return readModel(bytesSource(bytes));
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'OPSET_UNSUPPORTED') return undefined;
    throw error;
  }
}
