import type { Tensor } from '../../onnx/index.ts';
import type { Linear } from './linear.ts';

/** A float32 weight with each output channel scaled, computed when it is read: the product in float64, rounded once. */
export function scaledTensor(tensor: Tensor, scale: Float64Array, { inner, rest, channelOf }: Linear['layout']): Tensor {
  return {
    dtype: tensor.dtype, dims: tensor.dims, byteLength: tensor.byteLength,
    *chunks() {
      let start = 0;
      for (const chunk of tensor.chunks()) {
        const bytes = chunk.slice();
        const values = new Float32Array(bytes.buffer);
        for (let from = 0; from < values.length; ) {
          const row = Math.floor((start + from) / rest);
          const to = Math.min(values.length, (row + 1) * rest - start);
          const factor = scale[channelOf(Math.floor(row / inner), row % inner)]!;
          for (let i = from; i < to; i++) values[i] = values[i]! * factor;
          from = to;
        }
        start += values.length;
        yield bytes;
      }
    },
  };
}
