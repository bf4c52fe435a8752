import { intAttribute, isOperator } from '../../graph/index.ts';
import type { NodeProto } from '../../onnx/index.ts';

/**
 * A weight seen as [outer, inner, rest]. One of the first two axes counts output channels, the other input channels; of the inner axis
 * each group of outer ones has its own `inner` channels:
 *
 *     Conv           [M, C / group, ...]    outer: outputs        ConvTranspose    [C, M / group, ...]    outer: inputs
 *     Gemm, MatMul   [K, N]                 outer: inputs         Gemm transB      [N, K]                 outer: outputs
 */
export interface WeightLayout {
  readonly outer: number;
  readonly inner: number;
  readonly rest: number;
  readonly groups: number;
  readonly outerIs: 'outputs' | 'inputs';
  /** Axes of the activations behind the channels. */
  readonly trailing: number;
}

/** How a product in which input 0 is the activation reads its weight, input 1; undefined for other operators and shapes that do not fit. */
export function weightLayout(node: NodeProto, dims: readonly number[]): WeightLayout | undefined {
  const [outer = 0, inner = 0, ...kernel] = dims;
  const rest = kernel.reduce((a, b) => a * b, 1);
  if (dims.length < 2 || outer * inner * rest === 0) return undefined;
  if (isOperator(node, 'Conv', 'ConvTranspose')) {
    const groups = intAttribute(node, 'group', 1);
    if (kernel.length === 0 || groups < 1 || outer % groups !== 0) return undefined;
    return { outer, inner, rest, groups, outerIs: isOperator(node, 'Conv') ? 'outputs' : 'inputs', trailing: kernel.length };
  }
  if (dims.length !== 2) return undefined;
  if (isOperator(node, 'MatMul')) return { outer, inner, rest, groups: 1, outerIs: 'inputs', trailing: 0 };
  if (!isOperator(node, 'Gemm') || intAttribute(node, 'transA', 0) !== 0) return undefined;
  return { outer, inner, rest, groups: 1, outerIs: intAttribute(node, 'transB', 0) === 0 ? 'inputs' : 'outputs', trailing: 0 };
}

export function inputChannels({ outer, inner, groups, outerIs }: WeightLayout): number {
  return outerIs === 'inputs' ? outer : inner * groups;
}

export function outputChannels({ outer, inner, groups, outerIs }: WeightLayout): number {
  return outerIs === 'outputs' ? outer : inner * groups;
}

/** The channel on the inner axis at which an outer channel's group begins. */
export function innerBase({ outer, inner, groups }: WeightLayout, channel: number): number {
  return groups === 1 ? 0 : Math.floor(channel / (outer / groups)) * inner;
}
