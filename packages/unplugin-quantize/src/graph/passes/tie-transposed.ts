import { tensorOf, type Model, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { intAttribute } from '../attributes.ts';
import { indexEdges, isHandedOut, type Edges, type Use, type EdgesOf } from '../edges.ts';
import { makeNode } from '../edit.ts';
import { equalPayloads } from '../equal-payloads.ts';
import { byteWidth } from '../fold/select-tensor.ts';
import { transposeTensor } from '../fold/transpose-tensor.ts';
import { constantBytes, SMALL_BYTES } from '../fold/try-fold.ts';
import { isOperator } from '../scope.ts';

/** Rows and columns of which the first elements are compared before a tensor is read whole. */
const SAMPLES = 8;

/**
 * Makes an embedding and a head that are each other's transpose one tensor again, as they were before the exporter folded the transposition:
 *
 *     Gather(E, i), MatMul(h, H) with H = E transposed    =>    Gather(E, i), Transpose(E) -> H, MatMul(h, H)
 *
 * - Both are matrices above 1 kB of one scope; E is read by Gather along its rows alone, H as the right side of MatMul alone, in that scope.
 * - Square matrices are not compared: no embedding is one.
 * - Engines compute the transposition once, when the session is made.
 *
 * @returns the number of initializers that became transpositions
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a tensor cannot be read
 */
export function tieTransposed(model: Model, edgesOf: EdgesOf = indexEdges): number {
  let tied = 0;
  for (const edges of edgesOf(model)) {
    const { graph } = edges.scope;
    const matrices = graph.initializer.filter((proto) => isMatrix(model, proto, edges));
    const readBy = (isRead: (use: Use) => boolean): TensorProto[] => matrices.filter(({ name }) => edges.uses(name).every((use) => use.scope === edges.scope && isRead(use)));
    const [embeddings, heads] = [readBy(isRowGather), readBy(isRightSide)];
    const ties = new Map<TensorProto, NodeProto>();
    for (const embedding of embeddings) {
      for (const head of heads) {
        if (!ties.has(head) && isTranspose(tensorOf(model, embedding), head, model)) ties.set(head, makeNode('Transpose', [embedding.name], [head.name], { perm: [1, 0] }));
      }
    }
    if (ties.size === 0) continue;
    graph.initializer = graph.initializer.filter((proto) => !ties.has(proto));
    graph.node = [...ties.values(), ...graph.node];
    tied += ties.size;
  }
  return tied;
}

function isMatrix(model: Model, proto: TensorProto, edges: Edges): boolean {
  const [rows, columns] = proto.dims;
  return proto.dims.length === 2 && rows !== columns && constantBytes(model, proto) > SMALL_BYTES && Number.isFinite(constantBytes(model, proto))
    && !edges.inputs.has(proto.name) && !isHandedOut(proto.name, edges) && edges.uses(proto.name).length > 0;
}

function isRowGather({ node, index }: Use): boolean {
  return isOperator(node, 'Gather') && index === 0 && [0, -2].includes(intAttribute(node, 'axis', 0));
}

function isRightSide({ node, index }: Use): boolean {
  return isOperator(node, 'MatMul') && index === 1;
}

function isTranspose(embedding: Tensor, head: TensorProto, model: Model): boolean {
  const other = tensorOf(model, head);
  const fits = other.dtype === embedding.dtype && other.dims[0] === embedding.dims[1] && other.dims[1] === embedding.dims[0];
  if (!fits || embedding.peek === undefined || other.peek === undefined || !startsAlike(embedding, other)) return false;
  const transposed = transposeTensor(embedding, [1, 0]);
  return transposed !== undefined && equalPayloads(transposed, other);
}

/** Compares the start of the first row of the one with the start of the first column of the other, which has the shorter rows. */
function startsAlike(a: Tensor, b: Tensor): boolean {
  const [long, short] = a.dims[1]! > b.dims[1]! ? [a, b] : [b, a];
  const width = byteWidth(short);
  if (width === undefined) return false;
  const count = Math.min(SAMPLES, long.dims[1]!);
  const stride = short.dims[1]! * width;
  const row = long.peek!(count * width);
  const column = short.peek!((count - 1) * stride + width);
  return Array.from({ length: count * width }, (_, i) => i).every((i) => row[i] === column[Math.floor(i / width) * stride + (i % width)]);
}
