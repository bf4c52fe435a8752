import { subgraphsOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import {
  arrayTensor, bytesSource, create, dtypeCode, dtypeOf, float16ToFloat32, float32BitsToFloat16, readModel, readPayload, tensorOf, ValueInfoProtoSchema,
  type GraphProto, type Model, type NodeProto,
} from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { inlineTensor } from '../support/build-model.ts';
import { bytesOf } from '../support/run-model.ts';
import type { Value } from './cases.ts';
import { runOnce } from './engine.ts';

/** A float32 tensor. */
export interface Weight {
  dims: number[];
  values: Float32Array;
}

/** Weights by name. */
export type Weights = Record<string, Weight>;

export function parse(bytes: Uint8Array): Model {
  return readModel(bytesSource(bytes));
}

/** The float32 initializers of a model's main graph. */
export function weightsOf(model: Model): Weights {
  const floats = model.proto.graph!.initializer.filter(({ dataType }) => dtypeOf(dataType) === 'float32');
  return Object.fromEntries(floats.map((proto) => [proto.name, { dims: proto.dims.map(Number), values: new Float32Array(readPayload(tensorOf(model, proto)).buffer) }]));
}

/** The model with other values in the place of some of its own: initializers, or what a node computes of them. */
export function withWeights(bytes: Uint8Array, weights: Weights): Uint8Array {
  const model = parse(bytes);
  const graph = model.proto.graph!;
  graph.initializer = graph.initializer.filter(({ name }) => weights[name] === undefined);
  for (const node of graph.node) node.output = node.output.map((name) => (weights[name] === undefined ? name : `${name}_unused`));
  graph.initializer.push(...Object.entries(weights).map(([name, { dims, values }]) => inlineTensor(name, arrayTensor('float32', dims, values))));
  return bytesOf(model);
}

/** Inner values of a model, as the engine computes them. */
export async function innerValues(bytes: Uint8Array, names: readonly string[], feeds: Record<string, Value>): Promise<Weights | string> {
  const model = parse(bytes);
  model.proto.graph!.output.push(...names.map((name) => create(ValueInfoProtoSchema, { name })));
  const result = await runOnce(bytesOf(model), feeds);
  if ('failure' in result) return result.failure;
  return Object.fromEntries(names.map((name) => {
    const { dims, numbers } = result.outputs[name]!;
    return [name, { dims: [...dims], values: Float32Array.from(numbers) }];
  }));
}

/** Feeds and weights of a source as a half-precision artefact of it reads them. */
export function halved(artefact: Model, source: Model, feeds: Record<string, Value>): { feeds: Record<string, Value>; weights: Weights } {
  const graph = artefact.proto.graph!;
  const kept = new Set(graph.initializer.map(({ name }) => name));
  const rounded = Object.entries(feeds).map(([name, value]) => {
    const readers = value.dtype === 'float32' ? readersOf(graph, name) : [];
    return [name, readers.length > 0 && readers.every(isCastToHalf) ? mapValue(value, roundToHalf) : value] as const;
  });
  const weights = Object.entries(weightsOf(source)).filter(([name]) => !kept.has(name));
  return { feeds: Object.fromEntries(rounded), weights: mapWeights(Object.fromEntries(weights), roundToHalf) };
}

/** Feeds and weights without their signs: what a sum of products has at most on its way. */
export function absolute({ feeds, weights }: { feeds: Record<string, Value>; weights: Weights }): { feeds: Record<string, Value>; weights: Weights } {
  const magnitudes = (values: Float32Array): Float32Array => values.map(Math.abs);
  const positive = Object.entries(feeds).map(([name, value]) => [name, value.dtype === 'float32' ? mapValue(value, magnitudes) : value] as const);
  return { feeds: Object.fromEntries(positive), weights: mapWeights(weights, magnitudes) };
}

function mapWeights(weights: Weights, change: (values: Float32Array) => Float32Array): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, { dims, values }]) => [name, { dims, values: change(values) }]));
}

function mapValue(value: Value, change: (values: Float32Array) => Float32Array): Value {
  const floats = new Float32Array((value.elements as Uint8Array).buffer as ArrayBuffer);
  return { ...value, elements: new Uint8Array(change(floats).buffer as ArrayBuffer) };
}

function roundToHalf(values: Float32Array): Float32Array {
  const halves = new Uint16Array(values.length);
  const rounded = new Float32Array(values.length);
  float32BitsToFloat16(new Uint32Array(values.buffer, values.byteOffset, values.length), halves);
  float16ToFloat32(halves, rounded);
  return rounded;
}

function readersOf(graph: GraphProto, name: string): NodeProto[] {
  return graph.node.flatMap((node) => [
    ...(node.input.includes(name) ? [node] : []),
    ...[...subgraphsOf(node)].flatMap(({ graph: inner }) => readersOf(inner, name)),
  ]);
}

function isCastToHalf({ opType, attribute }: NodeProto): boolean {
  return opType === 'Cast' && attribute.some(({ name, i }) => name === 'to' && Number(i) === dtypeCode('float16'));
}
