import * as ort from 'onnxruntime-node';
import {
  cloneModel, create, dtypeOf, elementCount, ValueInfoProtoSchema, type DType, type Model, type NodeProto, type TensorProto,
} from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { outputDtype } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { bytesOf } from '../support/run-model.ts';

/** From this many elements on an initializer is not shown to the engine; what shapes and axes are made of is smaller. */
const LARGE = 256;

/**
 * The element types that onnxruntime infers for all values of the main graph that are tensors, without a large weight: these become inputs,
 * and all outputs of nodes become outputs without a type.
 *
 * @returns undefined where the engine refuses the model, as for operators that it has no kernel for
 */
export async function engineDtypes(model: Model): Promise<Map<string, DType> | undefined> {
  const asked = cloneModel(model);
  const graph = asked.proto.graph!;
  const large = graph.initializer.filter(({ dims, dataType }) => elementCount(dims.map(Number)) >= LARGE && dtypeOf(dataType) !== 'string');
  const inputs = new Set(graph.input.map(({ name }) => name));
  graph.input.push(...large.filter(({ name }) => !inputs.has(name)).map(infoOf));
  graph.initializer = graph.initializer.filter((proto) => !large.includes(proto));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const names = graph.node.flatMap(({ output }) => output).filter((name) => name !== '' && !outputs.has(name));
  graph.output.push(...names.map((name) => create(ValueInfoProtoSchema, { name })));
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytesOf(asked), { graphOptimizationLevel: 'disabled', logSeverityLevel: 4, intraOpNumThreads: 1 });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
  const found = new Map([...session.inputMetadata, ...session.outputMetadata].flatMap((value) => (value.isTensor ? [[value.name, value.type as DType] as const] : [])));
  for (const { name, dataType } of graph.initializer) found.set(name, dtypeOf(dataType)!);
  await session.release();
  return found;
}

function infoOf({ name, dims, dataType }: TensorProto): ReturnType<typeof create<typeof ValueInfoProtoSchema>> {
  const shape = { dim: dims.map((dim) => ({ value: { case: 'dimValue' as const, value: dim } })) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType: dataType, shape } } } });
}

export interface Difference {
  node: NodeProto;
  output: string;
  /** What the rule tells; undefined where it does not know. */
  told: DType | undefined;
  /** What the engine infers; undefined where it is no tensor. */
  inferred: DType | undefined;
}

/** The outputs for which the rule of the operator tells something else than the engine, each judged on the engine's types of its inputs. */
export function differences(model: Model, dtypes: ReadonlyMap<string, DType>): Difference[] {
  return model.proto.graph!.node.flatMap((node) => node.output.flatMap((output, index) => {
    if (output === '') return [];
    const told = outputDtype(node, node.input.map((name) => dtypes.get(name)), index);
    const inferred = dtypes.get(output);
    return told === inferred ? [] : [{ node, output, told, inferred }];
  }));
}
