import { findAttribute, isOperator, scopesOf } from '../../graph/index.ts';
import { dtypeOf, type DType, type GraphProto, type Model, type NodeProto, type TensorProto } from '../../onnx/index.ts';

/** How far a model is quantized. */
export interface QuantizedPart {
  /** Operators of quantized models that it has, sorted. */
  readonly operators: readonly string[];
  /** Elements of weights that are integers. */
  readonly integers: number;
  /** Elements of weights that are floats. */
  readonly floats: number;
  /** Float weights that go through QuantizeLinear, as quantization-aware training exports them. */
  readonly trained: number;
}

/** Operators that integers go into or come out of (ONNX, and onnxruntime's docs/ContribOperators.md). */
const QUANTIZED_OPERATORS = /^(QLinear.*|QuantizeLinear|DequantizeLinear|DynamicQuantize.*|MatMulInteger.*|ConvInteger|MatMulNBits|MatMulBnb4|GatherBlockQuantized|QGemm|QAttention|QMoE|QEmbedLayerNormalization|QOrdered.*)$/;
const QUANTIZED_DOMAINS = new Set(['', 'ai.onnx', 'com.microsoft']);
const INTEGERS: ReadonlySet<DType | undefined> = new Set(['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2', 'float8e4m3fn', 'float8e5m2', 'float4e2m1']);
const FLOATS: ReadonlySet<DType | undefined> = new Set(['float32', 'float16', 'bfloat16']);
/** Smaller tensors are biases, scales and tables, not weights. */
const SMALLEST_WEIGHT = 1024;
/** A model is quantized when no more of its weights are floats: first and last layers often stay. */
const LEFT_OVER = 0.1;

/** Looks at the initializers and Constant nodes of all scopes. */
export function quantizedPart(model: Model): QuantizedPart {
  const operators = new Set<string>();
  let [integers, floats, trained] = [0, 0, 0];
  for (const { graph } of scopesOf(model)) {
    const quantized = new Set(graph.node.filter((node) => isOperator(node, 'QuantizeLinear')).map(({ input }) => input[0]!));
    for (const node of graph.node) if (QUANTIZED_DOMAINS.has(node.domain) && QUANTIZED_OPERATORS.test(node.opType)) operators.add(node.opType);
    for (const { name, tensor } of constants(graph)) {
      const dtype = dtypeOf(tensor.dataType);
      const elements = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
      if (tensor.dims.length < 2 || elements < SMALLEST_WEIGHT) continue;
      if (INTEGERS.has(dtype)) integers += elements;
      else if (FLOATS.has(dtype)) {
        floats += elements;
        if (quantized.has(name)) trained += elements;
      }
    }
  }
  return { operators: [...operators].sort(), integers, floats, trained };
}

function* constants(graph: GraphProto): Generator<{ name: string; tensor: TensorProto }> {
  for (const tensor of graph.initializer) yield { name: tensor.name, tensor };
  for (const node of graph.node) {
    const tensor = constantValue(node);
    if (tensor !== undefined) yield { name: node.output[0]!, tensor };
  }
}

function constantValue(node: NodeProto): TensorProto | undefined {
  return isOperator(node, 'Constant') ? findAttribute(node, 'value')?.t : undefined;
}

/** Why a model is left as it is whatever the format: it is quantized already. Undefined where there is something to do. */
export function alreadyQuantized({ operators, integers, floats, trained }: QuantizedPart): string | undefined {
  if (operators.length === 0 || integers === 0 || trained > 0 || floats > LEFT_OVER * (integers + floats)) return undefined;
  const found = operators.length > 4 ? `${operators.slice(0, 4).join(', ')}...` : operators.join(', ');
  const share = Math.round((100 * integers) / (integers + floats));
  return `The model is quantized already (${found}; ${share} % of its weights are integers): it is left as it is. Quantize the model that it was made from to get another format.`;
}
