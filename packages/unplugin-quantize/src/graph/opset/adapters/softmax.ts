import { intAttribute, setAttribute } from '../../attributes.ts';
import { makeNode } from '../../edit.ts';
import type { Adapter } from '../context.ts';

/**
 * Softmax, LogSoftmax and Hardmax at opset 13. Before, the input was flattened to two dims at `axis` (1 where it is left out) and the
 * function ran over the second; from 13 on it runs over `axis` alone (-1 where it is left out). Both agree for the last axis, where
 * the attribute is enough; otherwise, or when the number of dims is not known, the flattening is written out:
 *
 *     Softmax(x; axis)    =>    Shape(x) -> s, Flatten(x; axis) -> f, Softmax(f; -1) -> g, Reshape(g, s)
 */
export const softmaxOverOneAxis: Adapter = (node, { names, rankOf }) => {
  const [x = ''] = node.input;
  const [y = ''] = node.output;
  const axis = intAttribute(node, 'axis', 1);
  const rank = rankOf(x) ?? rankOf(y);
  setAttribute(node, 'axis', -1n);
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return [node];
  const [shape, flat, done] = ['shape', 'flat', 'done'].map((part) => names.fresh(`${y}_${part}`)) as [string, string, string];
  node.input = [flat];
  node.output = [done];
  return [makeNode('Shape', [x], [shape]), makeNode('Flatten', [x], [flat], { axis: BigInt(axis) }), node, makeNode('Reshape', [done, shape], [y])];
};
