import { dropAttributes } from '../../attributes.ts';
import type { Adapter } from '../context.ts';

/**
 * Opsets 10 and 12: the mask changes its type, and what it holds outside of training was never agreed on, so a mask that is read
 * refuses. The ratio, an attribute up to opset 11, has no effect outside of training and is dropped.
 */
export const dropoutWithoutMask: Adapter = (node, { isRead }) => {
  if (isRead(node.output[1] ?? '')) return { refused: 'hands out its mask, whose type and content changed' };
  node.output = node.output.slice(0, 1);
  dropAttributes(node, 'ratio');
  return [node];
};
