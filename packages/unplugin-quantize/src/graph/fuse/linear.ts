import type { NodeProto } from '../../onnx/index.ts';
import { floatAttribute, intAttribute } from '../attributes.ts';
import { isOperator } from '../scope.ts';

/** A product with a weight whose output channels can be scaled by scaling the weight, and moved by moving the bias. */
export interface Linear {
  /** Output channels. */
  readonly channels: number;
  /** How many axes of the output follow the channels. */
  readonly trailing: number;
  /** The weight seen as [outer, inner channels, rest]: the output channel that each pair of the first two belongs to. */
  readonly layout: { readonly inner: number; readonly rest: number; channelOf(outer: number, inner: number): number };
  /** What the bias is multiplied by before it is added; its input is the third. */
  readonly beta: number;
}

/**
 * How a Conv, ConvTranspose or Gemm reads its weight; undefined for other operators and for shapes that do not fit.
 *
 *     Conv           weight [M, C / group, ...]    ConvTranspose    weight [C, M / group, ...]
 *     Gemm           weight [K, N], or [N, K] where transB is 1
 */
export function linearOf(node: NodeProto, weight: readonly number[]): Linear | undefined {
  const rest = weight.slice(2).reduce((a, b) => a * b, 1);
  const [first = 0, second = 0] = weight;
  const trailing = weight.length - 2;
  if (trailing < 0) return undefined;
  if (isOperator(node, 'Conv')) {
    return { channels: first, trailing, beta: 1, layout: { inner: first, rest: second * rest, channelOf: (_, inner) => inner } };
  }
  if (isOperator(node, 'ConvTranspose')) {
    const groups = intAttribute(node, 'group', 1);
    const rows = first / groups;
    if (!Number.isSafeInteger(rows)) return undefined;
    return { channels: second * groups, trailing, beta: 1, layout: { inner: second, rest, channelOf: (outer, inner) => Math.floor(outer / rows) * second + inner } };
  }
  if (!isOperator(node, 'Gemm') || trailing !== 0) return undefined;
  const isTransposed = intAttribute(node, 'transB', 0) !== 0;
  const [channels, depth] = isTransposed ? [first, second] : [second, 1];
  return { channels, trailing, beta: floatAttribute(node, 'beta', 1), layout: { inner: channels, rest: depth, channelOf: (_, inner) => inner } };
}
