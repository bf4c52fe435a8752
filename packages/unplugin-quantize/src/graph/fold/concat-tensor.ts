import { elementCount, readPayload, type Tensor } from '../../onnx/index.ts';
import { piecesOf, type Run } from './pieces.ts';
import { byteWidth } from './select-tensor.ts';

/**
 * Tensors joined along an axis, as Concat defines it. Where nothing lies outside the axis they are read one after the other, else all are
 * read whole when the result is read.
 *
 * @returns undefined where types or other dims differ, and for elements below 8 bits
 */
export function concatTensors(tensors: readonly Tensor[], axis: number): Tensor | undefined {
  const [first] = tensors;
  const width = first && byteWidth(first);
  if (first === undefined || width === undefined || axis >= first.dims.length) return undefined;
  const fits = tensors.every(({ dtype, dims }) => dtype === first.dtype && dims.length === first.dims.length
    && dims.every((dim, at) => at === axis || dim === first.dims[at]));
  if (!fits) return undefined;
  const joined = tensors.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  const dims = first.dims.map((dim, at) => (at === axis ? joined : dim));
  const byteLength = tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const outer = elementCount(dims.slice(0, axis));
  const runs = outer === 1 ? inTurn : interleaved;
  return { dtype: first.dtype, dims, byteLength, chunks: () => (byteLength === 0 ? [] : piecesOf(runs(), byteLength)) };

  function* inTurn(): Generator<Run> {
    for (const tensor of tensors) for (const chunk of tensor.chunks()) yield [chunk, 0, chunk.byteLength];
  }

  function* interleaved(): Generator<Run> {
    const sources = tensors.map(readPayload);
    for (let block = 0; block < outer; block++) {
      for (const bytes of sources) {
        const length = bytes.byteLength / outer;
        yield [bytes, block * length, length];
      }
    }
  }
}
