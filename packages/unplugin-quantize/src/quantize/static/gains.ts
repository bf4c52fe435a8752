import { assertSound } from '../../graph/passes/assert-sound.ts';
import { sortNodes } from '../../graph/passes/sort-nodes.ts';
import { readModel, type ByteSource, type ExternalFiles } from '../../onnx/index.ts';
import { createContext, type QuantizeOptions } from '../context.ts';
import { inlineExternalData } from '../inline-external.ts';
import { chooseForInt8 } from './choose.ts';
import { prepareStatic } from './prepare.ts';
import type { Statistics } from './statistics.ts';

/**
 * Whether `int8` would fix the scales of activations, by what one sample told of their sizes: otherwise there is no need to run the others.
 *
 * @throws QuantizeError when the model cannot be read (see quantizeSource)
 */
export function gainsFromSamples(source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions, statistics: Statistics): boolean {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  inlineExternalData(model);
  return prepareStatic(model, options) === undefined && chooseForInt8(createContext(model, options, { statistics })).isStatic;
}
