import { makeNode } from '../graph/index.ts';
import { arrayTensor, tensorProto, type NodeProto } from '../onnx/index.ts';
import { blockBytes } from './blocks/layout.ts';
import type { Context } from './context.ts';
import { blocksOf, type PackedWeight } from './packed-weight.ts';

export const DOMAIN = 'com.microsoft';

/** The nodes that do a reader's work on packed weights; a Transpose in front of a product is gone, because rows are packed as they are. */
export function packedNodes(context: Context, node: NodeProto, weight: PackedWeight): NodeProto[] {
  if (node.opType === 'Transpose') return [];
  return node.opType === 'Gather' ? [packedGather(node, weight)] : packedProduct(context, node, weight);
}

function packedGather(node: NodeProto, { values, scales, zeroPoints, bits, size }: PackedWeight): NodeProto {
  // Releases before 1.23 know 4 bits only and refuse the attribute.
  const attributes = { ...(bits !== 4 && { bits: BigInt(bits) }), block_size: BigInt(size), gather_axis: 0n, quantize_axis: 1n };
  return makeNode('GatherBlockQuantized', inputs(values, node.input[1]!, scales, zeroPoints), [node.output[0]!], attributes, { name: node.name, domain: DOMAIN });
}

function packedProduct({ model, names }: Context, node: NodeProto, weight: PackedWeight): NodeProto[] {
  const { N, K, bits, size, values, scales, zeroPoints, gathered } = weight;
  const attributes = { K: BigInt(K), N: BigInt(N), bits: BigInt(bits), block_size: BigInt(size) };
  const product = (matrix: string): NodeProto =>
    makeNode('MatMulNBits', inputs(node.input[0]!, matrix, scales, zeroPoints), [node.output[0]!], attributes, { name: node.name, domain: DOMAIN });
  if (!gathered) return [product(values)];
  // The same bytes in the three dimensions that the product wants; onnxruntime folds the Reshape when the session is made.
  const [shaped, shape] = [names.fresh(`${values}_b`), names.fresh(`${values}_n`)];
  const dims = BigInt64Array.from([N, blocksOf(weight), blockBytes(weight)], BigInt);
  model.proto.graph!.initializer.push(tensorProto(model, shape, arrayTensor('int64', [3], dims)));
  return [makeNode('Reshape', [values, shape], [shaped]), product(shaped)];
}

/** Optional inputs at the end are left out. */
function inputs(...names: string[]): string[] {
  return names.at(-1) === '' ? names.slice(0, -1) : names;
}
