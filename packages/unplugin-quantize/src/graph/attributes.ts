import { create } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType as Type, AttributeProtoSchema, type AttributeProto, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function findAttribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** An integer attribute, or `fallback` where the node leaves it out. */
export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const found = findAttribute(node, name);
  return found === undefined ? fallback : Number(found.i);
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return findAttribute(node, name)?.ints.map(Number);
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return findAttribute(node, name)?.f ?? fallback;
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const found = findAttribute(node, name);
  return found === undefined ? fallback : decoder.decode(found.s);
}

/** The values that `makeNode` accepts: a bigint or number[] is an integer, { float } a float, a GraphProto a subgraph. */
export type AttributeValue = bigint | number[] | string | { float: number } | { floats: number[] } | TensorProto | GraphProto;

export function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'bigint') return create(AttributeProtoSchema, { name, type: Type.INT, i: value });
  if (typeof value === 'string') return create(AttributeProtoSchema, { name, type: Type.STRING, s: encoder.encode(value) });
  if (Array.isArray(value)) return create(AttributeProtoSchema, { name, type: Type.INTS, ints: value.map(BigInt) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: Type.FLOAT, f: value.float });
  if ('floats' in value) return create(AttributeProtoSchema, { name, type: Type.FLOATS, floats: value.floats });
  if (value.$typeName === 'onnx.GraphProto') return create(AttributeProtoSchema, { name, type: Type.GRAPH, g: value });
  return create(AttributeProtoSchema, { name, type: Type.TENSOR, t: value });
}

/** Sets an attribute, in the place of one with the same name. */
export function setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
  const attribute = makeAttribute(name, value);
  const index = node.attribute.findIndex((other) => other.name === name);
  if (index < 0) node.attribute.push(attribute);
  else node.attribute[index] = attribute;
}

export function dropAttributes(node: NodeProto, ...names: string[]): void {
  node.attribute = node.attribute.filter((attribute) => !names.includes(attribute.name));
}
