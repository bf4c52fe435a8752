import { ALGORITHMS } from './blocks/algorithms.ts';
import { blockTensors, type BlockTensors } from './blocks/block-tensor.ts';
import type { BlockLayout, Packing } from './blocks/layout.ts';
import { quantizeBlocks } from './blocks/quantize-blocks.ts';
import { weightName, type Context, type Weight } from './context.ts';
import { quantizeWithFeedback } from './gptq/feedback.ts';

/** The parts of a weight in blocks, by the algorithm of choice; with GPTQ's feedback where its inputs were observed. */
export function weightBlocks({ options, inputFactor }: Context, weight: Weight, layout: BlockLayout, packing: Packing): BlockTensors {
  const { tensor } = weight;
  const name = weightName(weight);
  const quantizeBlock = ALGORITHMS[options.algorithm](layout);
  return blockTensors(layout, packing, () => {
    // Observed are inputs of products with a matrix [K, N]; rows of an embedding have none.
    const factor = layout.outer === 1 && layout.inner > 1 ? inputFactor(name, layout.length) : undefined;
    if (factor === undefined) return quantizeBlocks(tensor, layout, packing, quantizeBlock, name);
    return quantizeWithFeedback(tensor, layout, packing, quantizeBlock, factor, name);
  });
}
