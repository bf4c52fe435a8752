import { prepareGraph } from '../../graph/passes/run-passes.ts';
import { upgradeOpset } from '../../graph/opset/upgrade.ts';
import type { Model } from '../../onnx/index.ts';

/** QuantizeLinear and DequantizeLinear have axes since then. */
export const STATIC_OPSET = 13;

/**
 * Brings a model into the form whose activations are observed and quantized. Both start from the same file and do the same, so that values
 * have the same names.
 *
 * @returns why the model cannot be quantized statically, or undefined
 */
export function prepareStatic(model: Model): string | undefined {
  prepareGraph(model);
  const upgrade = upgradeOpset(model, STATIC_OPSET);
  return upgrade.upgraded ? undefined : `opset ${STATIC_OPSET} is needed, and ${upgrade.reason ?? 'the model cannot be converted'}`;
}
