import { findAttribute, isOperator, makeNode, subgraphsOf, type AttributeValue, type Names, type Scope } from '../../graph/index.ts';
import { arrayTensor, create, dtypeCode, opsetVersion, tensorProto, ValueInfoProtoSchema, type GraphProto, type Model, type NodeProto, type Tensor, type ValueInfoProto } from '../../onnx/index.ts';

/** ReduceMax takes its axes as an input since then. */
const AXES_AS_INPUT = 18;
/** What stands for a value of a body that did not run. */
const ABSENT = arrayTensor('float32', [3], Float32Array.of(-Infinity, -Infinity, 0));
const NONE = arrayTensor('float32', [0], new Float32Array(0));

/** Makes values of the main graph and of bodies outputs of the model. */
export interface HandOut {
  /**
   * A value of the main graph keeps its name. One of a branch goes through the outputs of its If, which gives an empty tensor where another branch ran. A Loop
   * or Scan would have to stack what every iteration gives, of one shape: values in their bodies are reduced to three numbers there.
   *
   * @param scope the scope that defines the value
   * @param name what the output is called
   * @returns whether the value is reduced (`Tap.isReduced`)
   */
  (scope: Scope, value: string, name: string): boolean;
}

/** @param names gives names that nothing in the model has */
export function handOut(model: Model, names: Names): HandOut {
  const main = model.proto.graph!;
  const outputs = new Set(main.output.map(({ name }) => name));
  const hasAxesInput = (opsetVersion(model.proto) ?? 0) >= AXES_AS_INPUT;

  const constant = (graph: GraphProto, tensor: Tensor): string => {
    const proto = tensorProto(model, names.fresh('tap_constant'), tensor);
    graph.initializer.push(proto);
    return proto.name;
  };
  const add = (graph: GraphProto, opType: string, input: string[], attributes: Record<string, AttributeValue> = {}, output = names.fresh('tap')): string => {
    graph.node.push(makeNode(opType, input, [output], attributes));
    return output;
  };

  /** Three numbers of a tensor of any shape, an empty one too. */
  const reduce = (graph: GraphProto, value: string): string => {
    const flat = add(graph, 'Reshape', [value, constant(graph, arrayTensor('int64', [1], BigInt64Array.of(-1n)))]);
    const isNaN = add(graph, 'Cast', [add(graph, 'IsNaN', [flat])], { to: BigInt(dtypeCode('float32')) });
    const most = ([given, least]: [string, number]): string => {
      const padded = add(graph, 'Concat', [given, constant(graph, arrayTensor('float32', [1], Float32Array.of(least)))], { axis: 0n });
      return add(graph, 'ReduceMax', [padded], { keepdims: 1n });
    };
    const parts: [string, number][] = [[add(graph, 'Neg', [flat]), -Infinity], [flat, -Infinity], [isNaN, 0]];
    return add(graph, 'Concat', parts.map(most), { axis: 0n });
  };

  /** The three numbers of all iterations, of which there may be none. */
  const merge = (graph: GraphProto, stacked: string): string => {
    const padded = add(graph, 'Concat', [constant(graph, { ...ABSENT, dims: [1, 3] }), stacked], { axis: 0n });
    const axes = hasAxesInput ? [constant(graph, arrayTensor('int64', [1], BigInt64Array.of(0n)))] : [];
    return add(graph, 'ReduceMax', [padded, ...axes], { keepdims: 0n, ...(!hasAxesInput && { axes: [0] }) });
  };

  /** The value in the scope around. */
  const lift = ({ graph, owner, parent }: Scope, value: string, isReduced: boolean): string => {
    const lifted = names.fresh('tap_lifted');
    if (isOperator(owner!, 'If')) {
      for (const { graph: branch } of subgraphsOf(owner!)) {
        const given = branch === graph ? value : constant(branch, isReduced ? ABSENT : NONE);
        branch.output.push(floatOutput(add(branch, 'Identity', [given]), isReduced ? 3 : undefined));
      }
      appendOutput(owner!, graph.output.length, lifted, names);
      return lifted;
    }
    graph.output.push(floatOutput(add(graph, 'Identity', [value]), 3));
    const isLoop = isOperator(owner!, 'Loop');
    // The first output of a Loop's body is whether to go on.
    appendOutput(owner!, graph.output.length - (isLoop ? 1 : 0), lifted, names);
    for (const list of ['scan_output_axes', 'scan_output_directions']) findAttribute(owner!, list)?.ints.push(0n);
    return merge(parent!.graph, lifted);
  };

  return (scope, value, name) => {
    if (scope.parent === undefined) {
      if (!outputs.has(value)) main.output.push(floatOutput(value));
      return false;
    }
    const isReduced = isRepeated(scope);
    let lifted = isReduced ? reduce(scope.graph, value) : value;
    for (let inner: Scope = scope; inner.parent !== undefined; inner = inner.parent) lifted = lift(inner, lifted, isReduced);
    main.output.push(floatOutput(add(main, 'Identity', [lifted], {}, name)));
    return isReduced;
  };
}

function isRepeated({ owner, parent }: Scope): boolean {
  return owner !== undefined && parent !== undefined && (!isOperator(owner, 'If') || isRepeated(parent));
}

/** Outputs that are left out at a node's end have to be there for one behind them. */
function appendOutput(node: NodeProto, count: number, name: string, names: Names): void {
  while (node.output.length < count - 1) node.output.push(names.fresh('tap_unused'));
  node.output.push(name);
}

/** @param length of a vector; a shape is left open without it */
function floatOutput(name: string, length?: number): ValueInfoProto {
  const shape = length === undefined ? undefined : { dim: [{ value: { case: 'dimValue' as const, value: BigInt(length) } }] };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType: dtypeCode('float32'), ...(shape && { shape }) } } } });
}
