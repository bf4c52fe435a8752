import { clearField } from '@bufbuild/protobuf';
import { GraphProtoSchema, NodeProtoSchema, TensorProtoSchema, type GraphProto, type Model } from '../../onnx/index.ts';
import { scopesOf } from '../scope.ts';

/**
 * Gives every value and initializer inside the model the shortest free name and drops what only people read: names and
 * documentation of nodes, their metadata, and the recorded types of inner values, which onnxruntime infers again. Names of the main
 * graph's inputs and outputs, symbolic dimensions, and the model's own metadata stay. Local functions keep their inner names.
 *
 *     MatMul "/encoder/layer.0/query/MatMul" (/encoder/Add_output_0, encoder.query.weight) -> /encoder/query_output_0
 *     MatMul (1f, 1g) -> 1h
 */
export function minifyNames(model: Model): number {
  const graph = model.proto.graph!;
  const kept = new Set([...graph.input, ...graph.output].map((value) => value.name));
  const short = new Map<string, string>();
  let count = 0;
  const rename = (name: string): string => {
    if (name === '' || kept.has(name)) return name;
    let renamed = short.get(name);
    if (renamed === undefined) {
      do renamed = (count++).toString(36);
      while (kept.has(renamed));
      short.set(name, renamed);
    }
    return renamed;
  };
  for (const scope of scopesOf(model)) minifyGraph(scope.graph, rename);
  return short.size;
}

/** One table of names serves all scopes: a name that two subgraphs define apart stays apart, because scopes do. */
function minifyGraph(graph: GraphProto, rename: (name: string) => string): void {
  clearField(graph, GraphProtoSchema.field.docString);
  graph.valueInfo = [];
  graph.quantizationAnnotation = [];
  for (const value of [...graph.input, ...graph.output]) value.name = rename(value.name);
  for (const tensor of graph.initializer) {
    tensor.name = rename(tensor.name);
    clearField(tensor, TensorProtoSchema.field.docString);
  }
  for (const sparse of graph.sparseInitializer) if (sparse.values !== undefined) sparse.values.name = rename(sparse.values.name);
  for (const node of graph.node) {
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
    clearField(node, NodeProtoSchema.field.name);
    clearField(node, NodeProtoSchema.field.docString);
    node.metadataProps = [];
  }
}
