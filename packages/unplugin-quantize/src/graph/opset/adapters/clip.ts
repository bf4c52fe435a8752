import { dropAttributes, findAttribute } from '../../attributes.ts';
import { floatScalar, type Adapter } from '../context.ts';

/** Opset 11: min and max become scalar inputs of the input's type; a missing bound stays missing, which is the type's own limit in both forms. */
export const clipBoundsToInputs: Adapter = (node, { constant, floatTypeOf }) => {
  const bounds = ['min', 'max'].map((name) => ({ name, attribute: findAttribute(node, name) }));
  if (bounds.every(({ attribute }) => attribute === undefined)) return [node];
  const dtype = floatTypeOf(node.input[0] ?? '') ?? floatTypeOf(node.output[0] ?? '');
  const scalars = bounds.map(({ name, attribute }) => ({ name, missing: attribute === undefined, tensor: dtype && floatScalar(dtype, attribute?.f ?? 0) }));
  const inputs: string[] = [];
  for (const { name, missing, tensor } of scalars) {
    if (tensor === undefined) return { refused: 'clips a value whose element type is not known' };
    inputs.push(missing ? '' : constant(`${node.output[0]}_${name}`, tensor));
  }
  if (inputs[1] === '') inputs.pop();
  node.input.push(...inputs);
  dropAttributes(node, 'min', 'max');
  return [node];
};
