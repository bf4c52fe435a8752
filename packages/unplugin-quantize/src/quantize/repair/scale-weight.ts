import type { Tensor } from '../../onnx/index.ts';
import { float32Chunks } from '../float-chunks.ts';
import { innerBase, type WeightLayout } from './weight-layout.ts';

/**
 * A float32 weight with its input and output channels multiplied, computed when it is read. Powers of two are exact.
 *
 * @param outputs factor of each output channel
 * @param inputs factor of each input channel
 */
export function scaleWeight(tensor: Tensor, layout: WeightLayout, outputs: Float64Array, inputs: Float64Array): Tensor {
  const { inner, rest, outerIs } = layout;
  const [outerScale, innerScale] = outerIs === 'outputs' ? [outputs, inputs] : [inputs, outputs];
  return {
    dtype: tensor.dtype, dims: tensor.dims, byteLength: tensor.byteLength,
    *chunks() {
      let pair = 0;
      let within = 0;
      for (const chunk of tensor.chunks()) {
        const bytes = chunk.slice();
        const values = new Float32Array(bytes.buffer);
        for (let from = 0; from < values.length;) {
          const outer = Math.floor(pair / inner);
          const factor = outerScale[outer]! * innerScale[innerBase(layout, outer) + (pair % inner)]!;
          const to = Math.min(values.length, from + rest - within);
          for (let i = from; i < to; i++) values[i] = values[i]! * factor;
          within += to - from;
          if (within === rest) {
            within = 0;
            pair++;
          }
          from = to;
        }
        yield bytes;
      }
    },
  };
}

/** The largest magnitude of each pair of channels, [outer, inner]; NaN where there is one. */
export function pairMaxima(tensor: Tensor, { outer, inner, rest }: WeightLayout): Float32Array {
  const maxima = new Float32Array(outer * inner);
  let pair = 0;
  let within = 0;
  for (const values of float32Chunks(tensor)) {
    for (let from = 0; from < values.length;) {
      const to = Math.min(values.length, from + rest - within);
      let max = maxima[pair]!;
      for (let i = from; i < to; i++) {
        const magnitude = Math.abs(values[i]!);
        if (magnitude > max || Number.isNaN(magnitude)) max = magnitude;
      }
      maxima[pair] = max;
      within += to - from;
      if (within === rest) {
        within = 0;
        pair++;
      }
      from = to;
    }
  }
  return maxima;
}

/** The largest magnitude of each output or input channel of a weight whose channels are multiplied as in `scaleWeight`. */
export function channelRanges(
  maxima: Float32Array, layout: WeightLayout, outputs: Float64Array, inputs: Float64Array, of: 'outputs' | 'inputs',
): Float64Array {
  const { outer, inner, outerIs } = layout;
  const [outerScale, innerScale] = outerIs === 'outputs' ? [outputs, inputs] : [inputs, outputs];
  const byOuter = of === outerIs;
  const ranges = new Float64Array(of === 'outputs' ? outputs.length : inputs.length);
  for (let o = 0, at = 0; o < outer; o++) {
    const base = innerBase(layout, o);
    const scale = outerScale[o]!;
    for (let i = 0; i < inner; i++, at++) {
      const range = maxima[at]! * scale * innerScale[base + i]!;
      const channel = byOuter ? o : base + i;
      if (range > ranges[channel]! || Number.isNaN(range)) ranges[channel] = range;
    }
  }
  return ranges;
}
