import { prepareGraph } from '../../graph/passes/run-passes.ts';
import { upgradeOpset } from '../../graph/opset/upgrade.ts';
import type { Model } from '../../onnx/index.ts';
import { biasesIntoGemm } from './biases-into-gemm.ts';
import type { QuantizeOptions } from '../context.ts';
import { equalizeChannels } from '../repair/equalize.ts';

/** QuantizeLinear and DequantizeLinear have axes since then. */
export const STATIC_OPSET = 13;

/**
 * Brings a model into the form whose activations are observed and quantized. Both start from the same file and do the same, so that values
 * have the same names. Equalization looks at all weights, also those that the user excludes: it keeps what they compute, and one observation
 * serves every choice of nodes.
 *
 * @returns why the model cannot be quantized statically, or undefined
 */
export function prepareStatic(model: Model, { equalize }: Pick<QuantizeOptions, 'equalize'>): string | undefined {
  prepareGraph(model);
  if (equalize) equalizeChannels(model);
  const upgrade = upgradeOpset(model, STATIC_OPSET);
  if (upgrade.upgraded) biasesIntoGemm(model);
  return upgrade.upgraded ? undefined : `opset ${STATIC_OPSET} is needed, and ${upgrade.reason ?? 'the model cannot be converted'}`;
}
