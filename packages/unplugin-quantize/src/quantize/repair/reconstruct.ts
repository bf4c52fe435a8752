import type { Tensor } from '../../onnx/index.ts';
import { ROUNDER } from '../affine.ts';
import { wholeFloats } from '../float-chunks.ts';

/** Output channels that are worked on side by side, so that a row of the factor is loaded once for all of them. */
const PANEL = 8;

/** A weight as a matrix with one row for each output channel. */
export interface RowsOf {
  readonly outputs: number;
  readonly inputs: number;
  /** Elements are [inputs, outputs], else [outputs, inputs]. */
  readonly isTransposed: boolean;
}

/**
 * Rounds a weight up or down by what that does to the outputs of its layer, of which samples are the inputs and the float model the teacher:
 * elements are rounded one input after the other, and what rounding one adds to the outputs is taken from those still to come as well as
 * the inputs' correlations allow. That is the error feedback of GPTQ (Frantar et al. 2022) with fixed scales, one for each output
 * channel, in place of AdaRound's gradient descent on the same squared error (Nagel et al. 2020, "Up or Down?", eq. 8):
 *
 *     error_k = (w_k - s q_k) / V_kk        w_j -= V_jk error_k for j > k        with V Vᵀ the inverse of the sum of xᵀ x
 *
 * @param scales one for each output channel, or one for all
 * @param largest integer
 * @param factor V, [inputs, inputs], row-major and lower triangular (gptq/hessian.ts)
 * @returns integers in the order of the weight's elements
 */
export function roundWithFeedback(weight: Tensor, { outputs, inputs, isTransposed }: RowsOf, scales: Float32Array, largest: number, factor: Float64Array): Int8Array {
  const all = wholeFloats(weight);
  const [step, stride] = isTransposed ? [outputs, 1] : [1, inputs];
  const columns = transposed(factor, inputs);
  const values = new Int8Array(outputs * inputs);
  const panel = Array.from({ length: PANEL }, () => new Float64Array(inputs));
  const errors = new Float64Array(PANEL);
  for (let first = 0; first < outputs; first += PANEL) {
    const count = Math.min(PANEL, outputs - first);
    for (let r = 0; r < count; r++) for (let k = 0, at = (first + r) * stride; k < inputs; k++, at += step) panel[r]![k] = all[at]!;
    for (let k = 0; k < inputs; k++) {
      for (let r = 0; r < count; r++) {
        const scale = scales[scales.length === 1 ? 0 : first + r]!;
        const left = panel[r]![k]!;
        const level = Math.max(-largest, Math.min(largest, left / scale + ROUNDER - ROUNDER));
        const at = (first + r) * stride + k * step;
        values[at] = level;
        errors[r] = (left - level * scale) / columns[k * inputs + k]!;
      }
      for (let r = 0; r < count; r++) subtract(panel[r]!, columns, k, inputs, errors[r]!);
    }
  }
  return values;
}

/** Takes a multiple of a column of the factor from the elements behind. */
function subtract(row: Float64Array, columns: Float64Array, k: number, inputs: number, error: number): void {
  if (error === 0) return;
  for (let j = k + 1, at = k * inputs + k + 1; j < inputs; j++, at++) row[j]! -= columns[at]! * error;
}

function transposed(matrix: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) result[j * n + i] = matrix[i * n + j]!;
  return result;
}
