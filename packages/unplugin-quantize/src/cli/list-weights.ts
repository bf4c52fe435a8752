import { scopesOf } from '../graph/index.ts';
import { dtypeOf, elementCount, isExternal, rawByteLength, type Model, type NodeProto, type TensorProto } from '../onnx/index.ts';

/** Where tensors are kept; external data goes before the others, because that is what a user has to take along. */
export const WEIGHT_PLACES = ['initializers', 'Constant nodes', 'subgraphs', 'functions', 'external data'] as const;
export type WeightPlace = (typeof WEIGHT_PLACES)[number];

export interface Weight {
  /** Name of the value, with the subgraphs down to it. */
  name: string;
  dtype: string;
  dims: number[];
  /** Size in raw form; text counts as 0. */
  bytes: number;
  place: WeightPlace;
}

/** Every tensor of a model, in file order. */
export function listWeights(model: Model): Weight[] {
  const main: WeightPlace = 'initializers';
  const inGraphs = scopesOf(model).flatMap(({ graph, parent, path }) => [
    ...graph.initializer.map((tensor) => describe(path + tensor.name, tensor, parent === undefined ? main : 'subgraphs')),
    ...graph.node.flatMap((node) => attributeWeights(node, path, parent === undefined ? 'Constant nodes' : 'subgraphs')),
  ]);
  const inFunctions = model.proto.functions.flatMap((fn) => fn.node.flatMap((node) => attributeWeights(node, `${fn.name}/`, 'functions')));
  return [...inGraphs, ...inFunctions];
}

function attributeWeights(node: NodeProto, path: string, place: WeightPlace): Weight[] {
  const tensors = node.attribute.flatMap(({ t, tensors: list }) => (t === undefined ? list : [t, ...list]));
  return tensors.map((tensor) => describe(path + (node.output[0] ?? node.name), tensor, place));
}

function describe(name: string, tensor: TensorProto, place: WeightPlace): Weight {
  const dtype = dtypeOf(tensor.dataType);
  const dims = tensor.dims.map(Number);
  const bytes = dtype === undefined ? 0 : rawByteLength(dtype, elementCount(dims));
  return { name, dtype: dtype ?? `type ${tensor.dataType}`, dims, bytes, place: isExternal(tensor) ? 'external data' : place };
}
