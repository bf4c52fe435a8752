import { dropAttributes, findAttribute } from '../../attributes.ts';
import { longs, type Adapter } from '../context.ts';

/** Opset 10: k becomes an input of one element. */
export const topKCountToInput: Adapter = (node, { constant }) => {
  const k = findAttribute(node, 'k');
  if (k === undefined) return { refused: 'has no k' };
  node.input.push(constant(`${node.output[0]}_k`, longs([Number(k.i)])));
  dropAttributes(node, 'k');
  return [node];
};
