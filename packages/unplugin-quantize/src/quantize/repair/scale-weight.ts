import type { Tensor } from '../../onnx/index.ts';
import { channelWalk, float32Chunks } from '../float-chunks.ts';
import { innerBase, type WeightLayout } from './weight-layout.ts';

/**
 * A float32 weight with its input and output channels multiplied, computed when it is read. Powers of two are exact.
 *
 * @param outputs factor of each output channel
 * @param inputs factor of each input channel
 */
export function scaleWeight(tensor: Tensor, layout: WeightLayout, outputs: Float64Array, inputs: Float64Array): Tensor {
  const { outer, inner, rest, outerIs } = layout;
  const [outerScale, innerScale] = outerIs === 'outputs' ? [outputs, inputs] : [inputs, outputs];
  const factorOf = (pair: number): number => {
    const channel = Math.floor(pair / inner);
    return outerScale[channel]! * innerScale[innerBase(layout, channel) + (pair % inner)]!;
  };
  return {
    dtype: tensor.dtype, dims: tensor.dims, byteLength: tensor.byteLength,
    *chunks() {
      const walk = channelWalk({ channels: outer * inner, inner: rest });
      for (const chunk of tensor.chunks()) {
        const bytes = chunk.slice();
        const values = new Float32Array(bytes.buffer);
        walk(values.length, (from, to, pair, step) => {
          let factor = factorOf(pair);
          for (let i = from; i < to; i++) {
            values[i] = values[i]! * factor;
            if (step === 1 && i + 1 < to) factor = factorOf(++pair);
          }
        });
        yield bytes;
      }
    },
  };
}

/** The largest magnitude of each pair of channels, [outer, inner]; NaN where there is one. */
export function pairMaxima(tensor: Tensor, { outer, inner, rest }: WeightLayout): Float32Array {
  const maxima = new Float32Array(outer * inner);
  const walk = channelWalk({ channels: outer * inner, inner: rest });
  for (const values of float32Chunks(tensor)) {
    walk(values.length, (from, to, pair, step) => {
      for (let i = from; i < to; i++, pair += step) {
        const magnitude = Math.abs(values[i]!);
        if (magnitude > maxima[pair]! || Number.isNaN(magnitude)) maxima[pair] = magnitude;
      }
    });
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
