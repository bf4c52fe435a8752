import type { Context, QuantizeOptions } from '../context.ts';
import { planStatic } from './plan.ts';
import { graphViews } from './views.ts';
import { wasmRatio } from './wasm-cost.ts';
import { isConvolutional } from './work.ts';

/** From here on the gain in WebAssembly is sure, given how far the estimate is from what is measured. */
const SURE_GAIN = 0.9;

/** What `int8` does with a model whose activations were observed. */
export interface Choice {
  isStatic: boolean;
  options: QuantizeOptions;
  /** Why not, where fixed scales were thought of. */
  note?: string;
}

/**
 * Fixed scales for convolutional models that they make faster in WebAssembly too, with or without integers for depthwise convolutions; scales
 * that are measured at run time cost convolutions more than integers save. Where nothing is gained, weights are only stored small.
 */
export function chooseForInt8(context: Context): Choice {
  const { options } = context;
  if (!isConvolutional(context)) return { isStatic: false, options };
  const choices = (options.integerDepthwise ? [true, false] : [false]).map((integerDepthwise) => {
    const [main] = planStatic(graphViews({ ...context, options: { ...options, integerDepthwise } }));
    return { options: main!.view.context.options, ratio: wasmRatio(main!) ?? Infinity };
  });
  const best = choices.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  if (best.ratio <= SURE_GAIN) return { isStatic: true, options: best.options };
  if (best.ratio === Infinity) return { isStatic: false, options, note: 'How long fixed scales would take in WebAssembly is not known, so weights are only stored small. int8-static fixes them all the same.' };
  return {
    isStatic: false, options,
    note: `Fixed scales would take about ${best.ratio.toFixed(1)} of float32's time in WebAssembly, so weights are only stored small. For CPUs in Node alone, int8-static is faster.`,
  };
}
