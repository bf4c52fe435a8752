import { tensorOf, type Model, type Tensor } from '../onnx/index.ts';
import { constantOf, indexEdges } from './edges.ts';
import { liftConstants } from './passes/lift-constants.ts';
import { isOperator } from './scope.ts';

/**
 * Inputs that the main graph compares with a whole number, and the first such number: a sampling rate or a mode, by which a branch is taken that other
 * values leave untouched. Constant nodes of the model are lifted.
 *
 *     Equal(sr, 16000) -> If        gives   { sr: 16000 }
 */
export function comparedInputs(model: Model): Map<string, number> {
  liftConstants(model);
  const all = indexEdges(model);
  const main = all[0]!;
  const found = new Map<string, number>();
  for (const node of main.scope.graph.node) {
    if (!isOperator(node, 'Equal')) continue;
    for (const [at, name] of node.input.entries()) {
      const constant = constantOf(node.input[1 - at]!, main.scope, all);
      if (!main.inputs.has(name) || found.has(name) || constant === undefined) continue;
      const number = wholeNumber(tensorOf(model, constant));
      if (number !== undefined) found.set(name, number);
    }
  }
  return found;
}

function wholeNumber({ dtype, dims, chunks }: Tensor): number | undefined {
  if ((dtype !== 'int64' && dtype !== 'int32') || dims.some((dim) => dim !== 1)) return undefined;
  for (const { buffer, byteOffset, byteLength } of chunks()) {
    const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
    return Number(dtype === 'int64' ? new BigInt64Array(bytes)[0] : new Int32Array(bytes)[0]);
  }
  return undefined;
}
