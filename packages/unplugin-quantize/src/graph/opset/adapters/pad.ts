import { dropAttributes, floatAttribute, intsAttribute, stringAttribute } from '../../attributes.ts';
import { floatScalar, longs, type Adapter } from '../context.ts';

/** Opset 11: pads becomes an input, and value one of the input's type where it is used and not 0, which is its default. */
export const padListsToInputs: Adapter = (node, { constant, floatTypeOf }) => {
  const pads = intsAttribute(node, 'pads');
  if (pads === undefined) return { refused: 'has no pads' };
  const value = stringAttribute(node, 'mode', 'constant') === 'constant' ? floatAttribute(node, 'value', 0) : 0;
  const dtype = floatTypeOf(node.input[0] ?? '') ?? floatTypeOf(node.output[0] ?? '');
  const scalar = dtype && floatScalar(dtype, value);
  if (value !== 0 && scalar === undefined) return { refused: 'pads a value whose element type is not known' };
  node.input.push(constant(`${node.output[0]}_pads`, longs(pads)));
  if (value !== 0 && scalar !== undefined) node.input.push(constant(`${node.output[0]}_value`, scalar));
  dropAttributes(node, 'pads', 'value');
  return [node];
};
