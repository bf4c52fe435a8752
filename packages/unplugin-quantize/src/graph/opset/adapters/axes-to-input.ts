import { dropAttributes, intsAttribute } from '../../attributes.ts';
import { longs, type Adapter } from '../context.ts';

/** An integer list that was an attribute becomes the second input; left out, it stays left out. Squeeze, Unsqueeze, ReduceSum, Split at opset 13. */
export function listToInput(attribute: 'axes' | 'split'): Adapter {
  return (node, { constant }) => {
    const values = intsAttribute(node, attribute);
    if (values === undefined) return [node];
    node.input = [node.input[0] ?? '', constant(`${node.output[0]}_${attribute}`, longs(values))];
    dropAttributes(node, attribute);
    return [node];
  };
}
