import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFacts } from '../../packages/unplugin-quantize/src/pipeline/facts.ts';
import { models, sharedFolder } from '../support/models.ts';

const kindOf = (path: string) => readFacts({ path, name: 'm' }).kind;

describe('the kind of a model', () => {
  it.each([['ocrDetection', 'cnn'], ['ocrRecognition', 'cnn'], ['ocrDirection', 'cnn'], ['silero', 'rnn']] as const)('%s is %s', (name, kind) => expect(kindOf(models[name])).toBe(kind));

  it.skipIf(!existsSync(models.mobilenet)).each([['mobilenet', 'cnn'], ['sentiment', 'encoder'], ['charlm', 'decoder']] as const)('%s is %s', (name, kind) => expect(kindOf(models[name])).toBe(kind));

  const skeletons = join(sharedFolder, 'models/skeletons');
  it.skipIf(!existsSync(skeletons)).each([['bert-base.onnx', 'encoder'], ['pythia-410m.onnx', 'decoder']] as const)('%s is %s', (name, kind) => expect(kindOf(join(skeletons, name))).toBe(kind));
});
