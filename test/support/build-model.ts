import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import {
  arrayTensor, bytesSource, create, dtypeCode, elementCount, GraphProtoSchema, ModelProtoSchema, readModel, readPayload, TensorProtoSchema, ValueInfoProtoSchema, writeModel,
  type DType, type FunctionProto, type GraphProto, type Model, type NodeProto, type Tensor, type TensorProto, type ValueInfoProto,
} from '../../packages/unplugin-quantize/src/onnx/index.ts';

/** Types of inputs and outputs as text: 'float32[1,N,3]' with N symbolic, 'int64[]' a scalar, 'float32' without a shape, '' without a type. */
export type ValueTypes = Record<string, string>;

export interface GraphParts {
  nodes: NodeProto[];
  initializers?: Record<string, Tensor>;
  inputs?: ValueTypes;
  outputs: ValueTypes;
  valueInfo?: ValueTypes;
  name?: string;
}

export interface ModelParts extends GraphParts {
  /** Version of the default domain; 17 where it is left out. */
  opset?: number;
  /** IR version; 8 where it is left out. */
  ir?: number;
  /** Versions of further domains. */
  domains?: Record<string, number>;
  functions?: FunctionProto[];
}

/** A model as it is after reading its file: tensors above 1 kB are lazy. */
export function buildModel(parts: ModelParts): Model {
  return readModel(bytesSource(buildBytes(parts), 'test model'));
}

/** The bytes of a model file. */
export function buildBytes({ opset = 17, ir = 8, domains = {}, functions = [], ...graph }: ModelParts): Uint8Array {
  const opsetImport = Object.entries({ '': opset, ...domains }).map(([domain, version]) => ({ domain, version: BigInt(version) }));
  const proto = create(ModelProtoSchema, { irVersion: BigInt(ir), opsetImport, graph: buildGraph(graph) });
  proto.functions = functions;
  return readPayload(writeModel({ name: 'test model', proto, payloads: [], files: undefined }));
}

/** A graph for `buildModel`'s main graph or for an attribute of If, Loop or Scan. */
export function buildGraph({ nodes, initializers = {}, inputs = {}, outputs, valueInfo = {}, name = 'graph' }: GraphParts): GraphProto {
  const graph = create(GraphProtoSchema, { name, input: values(inputs), output: values(outputs), valueInfo: values(valueInfo) });
  graph.node = nodes;
  graph.initializer = Object.entries(initializers).map(([name, tensor]) => inlineTensor(name, tensor));
  return graph;
}

/** A Constant node with the attribute `value`. */
export function constantNode(output: string, tensor: Tensor): NodeProto {
  return makeNode('Constant', [], [output], { value: inlineTensor('', tensor) });
}

/** A TensorProto that holds its data itself, whatever its size. */
export function inlineTensor(name: string, tensor: Tensor): TensorProto {
  const proto = create(TensorProtoSchema, { dataType: dtypeCode(tensor.dtype), dims: tensor.dims.map(BigInt) });
  proto.rawData = readPayload(tensor);
  if (name !== '') proto.name = name;
  return proto;
}

export function floats(dims: number[], data: readonly number[]): Tensor {
  return arrayTensor('float32', dims, Float32Array.from(data));
}

/** int64, the type of shapes, axes and indices. */
export function ints(dims: number[], data: readonly number[]): Tensor {
  return arrayTensor('int64', dims, BigInt64Array.from(data, BigInt));
}

/** A scalar truth value. */
export function rawBool(value: boolean): Tensor {
  return arrayTensor('bool', [], Uint8Array.of(value ? 1 : 0));
}

/** float32 values -4, -3.75, -3.5 ... 4, then from the start: exact in half precision too. */
export function ramp(dims: number[]): Tensor {
  return floats(dims, Array.from({ length: elementCount(dims) }, (_, i) => (i % 33) / 4 - 4));
}

function values(types: ValueTypes): ValueInfoProto[] {
  return Object.entries(types).map(([name, type]) => valueInfo(name, type));
}

/** @param type see `ValueTypes` */
export function valueInfo(name: string, type: string): ValueInfoProto {
  const [, dtype, dims] = /^([a-z0-9]*)(?:\[(.*)\])?$/.exec(type) ?? [];
  if (dtype === undefined) throw new Error(`"${type}" is not a type such as float32[1,N].`);
  if (dtype === '') return create(ValueInfoProtoSchema, { name });
  const shape = dims === undefined ? undefined : { dim: dims.split(',').filter((dim) => dim !== '').map(dimension) };
  const tensorType = { elemType: dtypeCode(dtype as DType), ...(shape && { shape }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}

function dimension(text: string): { value: { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } } {
  return { value: /^\d+$/.test(text) ? { case: 'dimValue', value: BigInt(text) } : { case: 'dimParam', value: text } };
}
