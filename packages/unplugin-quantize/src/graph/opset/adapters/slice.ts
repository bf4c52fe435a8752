import { dropAttributes, intsAttribute } from '../../attributes.ts';
import { longs, type Adapter } from '../context.ts';

/** Opset 10: starts, ends and axes become inputs; without axes the first ones are meant, in both forms. */
export const sliceListsToInputs: Adapter = (node, { constant }) => {
  const starts = intsAttribute(node, 'starts');
  const ends = intsAttribute(node, 'ends');
  if (starts === undefined || ends === undefined) return { refused: 'has no starts or no ends' };
  const axes = intsAttribute(node, 'axes');
  const base = node.output[0];
  node.input.push(constant(`${base}_starts`, longs(starts)), constant(`${base}_ends`, longs(ends)));
  if (axes !== undefined) node.input.push(constant(`${base}_axes`, longs(axes)));
  dropAttributes(node, 'starts', 'ends', 'axes');
  return [node];
};
