import { isHandedOut, weightAxis, type Use } from '../graph/index.ts';
import type { Weight } from './context.ts';
import { MOVERS } from './readers.ts';

/** A rank that every weight input has or can have, for tensors whose rank is no longer known. */
const WEIGHT_RANK = 3;

/** Movers whose outputs have the rank, and the axes, of their input. */
const KEEPS_AXES = new Set(['Slice', 'Split', 'Concat', 'Identity']);

/** The axis along which a reader wants scales, or undefined for a reader that takes the tensor as a value. */
export function channelAxis(use: Use, dims: readonly number[], edgesAt: Weight['edgesAt']): number | undefined {
  const axis = readerAxis(use, dims.length, edgesAt);
  // Behind a Reshape it is not known which axis becomes the channels; the first one with more than one element often does.
  return axis === BEHIND_RESHAPE ? Math.max(0, dims.findIndex((dim) => dim > 1)) : axis;
}

const BEHIND_RESHAPE = -1;

function readerAxis({ node, index, scope }: Use, rank: number, edgesAt: Weight['edgesAt'], depth = 0): number | undefined {
  const axis = weightAxis(node, index, rank);
  if (axis !== undefined || !MOVERS.has(node.opType) || depth > 8) return axis;
  const edges = edgesAt(scope);
  if (node.output.some((name) => isHandedOut(name, edges))) return undefined;
  const keepsAxes = KEEPS_AXES.has(node.opType);
  const readers = node.output.flatMap((name) => [...edges.uses(name)]);
  const axes = readers.map((use) => (isLeftSide(use) ? undefined : readerAxis(use, keepsAxes ? rank : WEIGHT_RANK, edgesAt, depth + 1)));
  if (axes.length === 0 || axes.includes(undefined)) return undefined;
  return keepsAxes ? axes[0] : BEHIND_RESHAPE;
}

/** What comes out of a Concat may be an activation, which a product reads on its left side. */
function isLeftSide({ node, index }: Use): boolean {
  return index === 0 && (node.opType === 'MatMul' || node.opType === 'Gemm');
}
