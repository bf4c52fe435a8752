import {
  arrayTensor, dtypeOf, float32BitsToFloat16, tensorOf, tensorProto, type DType, type Model, type NodeProto, type Tensor, type TypeProto,
} from '../../onnx/index.ts';
import { findAttribute } from '../attributes.ts';
import { becomesInitializer, constantOf, indexEdges, resolve, type Edges } from '../edges.ts';
import { namesOf, type Names } from '../edit.ts';
import { isOperator, tensorsOf } from '../scope.ts';
import { declaredType } from './declared-type.ts';
import { rankFinder } from './rank.ts';

/** Rewrites one node for the next opset: the nodes in its place, or why it cannot be. The node given may be changed. */
export type Adapter = (node: NodeProto, context: OpsetContext) => NodeProto[] | Refusal;

export interface Refusal {
  /** Completes the sentence "Softmax of opset 11 ..." */
  readonly refused: string;
}

/** What an adapter may know of the graph around a node. */
export interface OpsetContext {
  readonly names: Names;
  /** Adds an initializer to the node's graph and gives its name. */
  constant(base: string, tensor: Tensor): string;
  /** True when a value is read anywhere or handed out. */
  isRead(name: string): boolean;
  /** The tensor of an initializer or Constant node. */
  valueOf(name: string): Tensor | undefined;
  /** The element type of a value that is known to be of a floating-point type. */
  floatTypeOf(name: string): DType | undefined;
  /** The number of dims of a value, as far as the model tells. */
  rankOf(name: string): number | undefined;
  /** Upsample nodes that became Resize: their scales are 1 or more even where they are computed. */
  readonly upsampling: Set<NodeProto>;
}

/** What all steps of a conversion share. */
export interface Conversion {
  readonly model: Model;
  readonly names: Names;
  readonly upsampling: Set<NodeProto>;
  /** float32 when the model has no other floating-point type, so that every such value is float32. */
  readonly onlyFloatType: DType | undefined;
}

export function startConversion(model: Model): Conversion {
  return { model, names: namesOf(model), upsampling: new Set(), onlyFloatType: hasOtherFloats(model) ? undefined : 'float32' };
}

/** One context for each scope, made from the graph as it is before the step. */
export function contextsOf({ model, names, upsampling, onlyFloatType }: Conversion): { edges: Edges; context: OpsetContext }[] {
  const all = indexEdges(model);
  const findRank = rankFinder(model, all);
  return all.map((edges) => {
    const typeOf = (name: string): TypeProto | undefined => declaredType(name, resolve(name, edges.scope, all) ?? edges);
    const context: OpsetContext = {
      names,
      upsampling,
      constant(base, tensor) {
        const name = names.fresh(base);
        becomesInitializer(tensorProto(model, name, tensor), edges);
        return name;
      },
      isRead: (name) => name !== '' && (edges.uses(name).length > 0 || edges.outputs.has(name) || edges.leavesSubgraph(name)),
      valueOf(name) {
        const producer = resolve(name, edges.scope, all)?.producers.get(name);
        const fromNode = producer !== undefined && isOperator(producer, 'Constant') ? findAttribute(producer, 'value')?.t : undefined;
        const proto = constantOf(name, edges.scope, all) ?? fromNode;
        return proto && tensorOf(model, proto);
      },
      floatTypeOf(name) {
        if (onlyFloatType !== undefined) return onlyFloatType;
        const constant = constantOf(name, edges.scope, all)?.dataType;
        const type = typeOf(name)?.value;
        return dtypeOf(constant ?? (type?.case === 'tensorType' ? type.value.elemType : 0));
      },
      rankOf: (name) => findRank(name, edges.scope),
    };
    return { edges, context };
  });
}

/** A scalar of a floating-point type that adapters meet; undefined for others. */
export function floatScalar(dtype: DType, value: number): Tensor | undefined {
  const single = Float32Array.of(value);
  switch (dtype) {
    case 'float32':
      return arrayTensor(dtype, [], single);
    case 'float64':
      return arrayTensor(dtype, [], Float64Array.from(single));
    case 'float16': {
      const half = new Uint16Array(1);
      float32BitsToFloat16(new Uint32Array(single.buffer), half);
      return arrayTensor(dtype, [], half);
    }
    default:
      return undefined;
  }
}

export function longs(values: readonly number[]): Tensor {
  return arrayTensor('int64', [values.length], BigInt64Array.from(values, BigInt));
}

const OTHER_FLOATS = new Set<DType | undefined>(['float16', 'float64', 'bfloat16']);

/** Whether a float16, float64 or bfloat16 value can arise: from a tensor, an input, or an attribute that names a type (to, dtype). */
function hasOtherFloats(model: Model): boolean {
  for (const tensor of tensorsOf(model)) if (OTHER_FLOATS.has(dtypeOf(tensor.dataType))) return true;
  return indexEdges(model).some(({ scope: { graph } }) => {
    const isOther = graph.input.some(({ type }) => type?.value.case === 'tensorType' && OTHER_FLOATS.has(dtypeOf(type.value.value.elemType)));
    return isOther || graph.node.some((node) => ['to', 'dtype'].some((name) => {
      const attribute = findAttribute(node, name);
      return attribute !== undefined && OTHER_FLOATS.has(dtypeOf(Number(attribute.i)));
    }));
  });
}
