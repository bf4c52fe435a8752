import { float16Bits, type Tensor } from '../../onnx/index.ts';
import { halfScale, middleLevel, ROUNDER, topLevel, type BlockCode, type BlockQuantizer } from '../blocks/block-code.ts';
import { blockCount, type BlockLayout, type Packing } from '../blocks/layout.ts';
import { isFiniteHalf, unusable, type BlockTensor } from '../blocks/quantize-blocks.ts';
import { wholeFloats } from '../float-chunks.ts';

/** Columns that are worked on side by side, so that a row of the factor is loaded once for all of them. */
const PANEL = 16;

/**
 * GPTQ (Frantar et al., 2022): quantizes the rows of a matrix [K, N] one after the other and spreads the error of each over the rows that
 * follow, so that products with inputs like the observed ones change least. With V the factor of the inverse Hessian (hessian.ts):
 *
 *     error_k = (w_k - dequantized(w_k)) / V_kk        w_j -= V_jk error_k  for j > k
 *
 * The code of a block is chosen, by the algorithm of choice, from its elements as they are when its first row's turn comes. Rows behind a
 * block get the errors of the whole block at once.
 *
 * @param tensor float32 [K, N], held in memory as a whole
 * @param layout outer 1, length K, inner N
 * @param factor V, [K, K] row-major
 * @throws QuantizeError MODEL_INVALID when a block has NaN, an infinity, or needs a scale beyond float16
 */
export function quantizeWithFeedback(
  tensor: Tensor, layout: BlockLayout, packing: Packing, quantizeBlock: BlockQuantizer, factor: Float64Array, name: string,
): BlockTensor {
  const { length: K, inner: N, size, symmetric } = layout;
  const count = blockCount(layout);
  const result: BlockTensor = {
    packed: new Uint8Array(packing.byteLength),
    scales: new Uint16Array(count),
    zeroPoints: new Uint8Array(symmetric ? 0 : count).fill(middleLevel(layout)),
  };
  const matrix = wholeFloats(tensor);
  const panel = Array.from({ length: PANEL }, () => new Float64Array(K));
  const errors = panel.map(() => new Float64Array(size));
  const levels = new Uint8Array(size);
  const code: BlockCode = { scale: 0, zeroPoint: 0 };
  for (let first = 0; first < N; first += PANEL) {
    const columns = panel.slice(0, N - first);
    columns.forEach((column, c) => takeColumn(matrix, column, first + c, N));
    for (let start = 0; start < K; start += size) {
      const end = Math.min(K, start + size);
      columns.forEach((column, c) => {
        quantizeBlock(column.subarray(start, end), levels, code);
        const scale = float16Bits(code.scale);
        if (!isFiniteHalf(scale)) throw unusable(name);
        code.scale = halfScale(code.scale);
        takeBlock(column, start, end, code, topLevel(layout), factor, levels, errors[c]!);
        levels.fill(code.zeroPoint, end - start);
        const at = packing.scaleAt(0, start / size, first + c);
        result.scales[at] = scale;
        if (!symmetric) result.zeroPoints[at] = code.zeroPoint;
        packing.put(result.packed, levels, 0, start / size, first + c);
      });
      spread(columns, errors, factor, start, end, K);
    }
  }
  return result;
}

function takeColumn(matrix: Float32Array, column: Float64Array, index: number, N: number): void {
  for (let k = 0, at = index; k < column.length; k++, at += N) column[k] = matrix[at]!;
}

/** Takes the levels of one block row by row, spreads each row's error over the rest of the block, and leaves the errors. */
function takeBlock(
  column: Float64Array, start: number, end: number, { scale, zeroPoint }: BlockCode, top: number, factor: Float64Array, levels: Uint8Array, errors: Float64Array,
): void {
  const K = column.length;
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let k = start; k < end; k++) {
    const x = column[k]!;
    const exact = x * inverse + ROUNDER - ROUNDER + zeroPoint;
    const level = exact > top ? top : exact < 0 ? 0 : exact;
    const error = (x - scale * (level - zeroPoint)) / factor[k * K + k]!;
    levels[k - start] = level;
    errors[k - start] = error;
    for (let j = k + 1; j < end; j++) column[j]! -= factor[j * K + k]! * error;
  }
}

/** Takes what the errors of a block can be made good by from the rows behind it. */
function spread(columns: readonly Float64Array[], errors: readonly Float64Array[], factor: Float64Array, start: number, end: number, K: number): void {
  const length = end - start;
  for (let j = end; j < K; j++) {
    const row = j * K + start;
    for (let c = 0; c < columns.length; c++) {
      const own = errors[c]!;
      let [even, odd] = [0, 0];
      // Blocks that have rows behind them are whole, and so of even length.
      for (let i = 0; i < length; i += 2) {
        even += factor[row + i]! * own[i]!;
        odd += factor[row + i + 1]! * own[i + 1]!;
      }
      columns[c]![j]! -= even + odd;
    }
  }
}
