import { QuantizeError } from '../../errors.ts';
import { assertWithin } from '../../limits.ts';
import { dtypeOf, elementCount, isExternal, rawByteLength, type GraphProto, type Model, type NodeProto, type TensorProto } from '../../onnx/index.ts';
import { arityProblem } from '../ops/arity.ts';
import { hasSubgraphs, nodeLabel, scopesOf, subgraphsOf, tensorsOf } from '../scope.ts';

const HINT = 'The exporter or a tool that edited the model left it broken; onnx.checker.check_model tells more. Export it again.';

/**
 * Checks that a model's structure holds together, so that no pass meets what it does not expect: a model is hostile until it passed.
 *
 * - every node, also of local functions, has an operator, and as many inputs and outputs as the operator asks for; every name that is read is an input, an initializer or the output of an earlier node of its graph, or,
 *   at the place of the node that carries the graph, of a graph around it
 * - no graph defines a name twice (an initializer that is an input too counts once); a subgraph may hide a name of the graphs around it
 * - every graph output is defined, and the main graph has one
 * - tensors have possible dims, and as many bytes as these ask for where that is known without reading
 *
 * @throws QuantizeError MODEL_INVALID, MODEL_TOO_LARGE
 */
export function assertSound(model: Model): void {
  const { graph } = model.proto;
  if (graph === undefined || graph.output.length === 0) throw invalid(model, 'The model has no outputs.');
  for (const tensor of tensorsOf(model)) checkTensor(model, tensor);
  for (const fn of model.proto.functions) for (const node of fn.node) assertNode(model, node);
  const everywhere = new Set<string>();
  for (const scope of scopesOf(model)) for (const node of scope.graph.node) for (const name of node.output) everywhere.add(name);
  checkGraph(model, graph, [], everywhere);
}

/** @param outer names that the graphs around this one have defined so far, innermost last */
function checkGraph(model: Model, graph: GraphProto, outer: readonly ReadonlySet<string>[], everywhere: ReadonlySet<string>): void {
  const own = givenNames(model, graph);
  const chain = [...outer, own];
  const isDefined = (name: string): boolean => chain.some((names) => names.has(name));
  for (const node of graph.node) {
    assertNode(model, node);
    for (const name of node.input) {
      if (name !== '' && !isDefined(name)) throw undefinedName(model, node, name, everywhere);
    }
    if (hasSubgraphs(node)) for (const { graph: inner } of subgraphsOf(node)) checkGraph(model, inner, chain, everywhere);
    for (const name of node.output) define(model, own, name, nodeLabel(node));
  }
  for (const { name } of graph.output) {
    if (name === '' || !isDefined(name)) throw invalid(model, `Nothing computes the output "${name}" of the graph "${graph.name}".`);
  }
}

/**
 * Checks that a node has an operator, and as many inputs and outputs as it asks for.
 *
 * @throws QuantizeError MODEL_INVALID
 */
export function assertNode(model: Model, node: NodeProto): void {
  for (const name of [node.name, node.opType, node.domain, ...node.output]) assertName(model, name);
  const problem = node.opType === '' ? 'A node has no operator.' : arityProblem(node);
  if (problem !== undefined) throw invalid(model, problem, nodeLabel(node));
}

/** A long name would be repeated in every report, message and path that it is part of. */
function assertName(model: Model, name: string): void {
  assertWithin('nameLength', name.length, 'The model has a name of too many characters', { limits: model.limits, model: model.name });
}

/** Inputs and initializers: what a graph has before its first node. */
function givenNames(model: Model, graph: GraphProto): Set<string> {
  const inputs = new Set<string>();
  for (const { name } of graph.input) define(model, inputs, name, name);
  const initializers = new Set<string>();
  for (const tensor of graph.initializer) {
    if (tensor.name === '') throw invalid(model, `An initializer of the graph "${graph.name}" has no name.`);
    define(model, initializers, tensor.name, tensor.name);
  }
  for (const { values } of graph.sparseInitializer) define(model, initializers, values?.name ?? '', values?.name ?? '');
  for (const name of initializers) inputs.add(name);
  return inputs;
}

function define(model: Model, names: Set<string>, name: string, place: string): void {
  if (name === '') return;
  assertName(model, name);
  if (names.has(name)) throw invalid(model, `The name "${name}" is defined twice.`, place);
  names.add(name);
}

function undefinedName(model: Model, node: NodeProto, name: string, everywhere: ReadonlySet<string>): QuantizeError {
  const what = everywhere.has(name) ? 'which no earlier node computes' : 'which nothing defines';
  return invalid(model, `A ${node.opType} reads "${name}", ${what}.`, nodeLabel(node));
}

function checkTensor(model: Model, tensor: TensorProto): void {
  const dims = tensor.dims.map(Number);
  const count = elementCount(dims);
  if (dims.some((dim) => dim < 0) || !Number.isSafeInteger(count)) {
    throw invalid(model, `A tensor has the impossible shape [${dims.join(', ')}].`, tensor.name);
  }
  const dtype = dtypeOf(tensor.dataType);
  if (dtype === 'string' && (isExternal(tensor) || Object.hasOwn(tensor, 'payload') || tensor.rawData.byteLength > 0)) {
    throw invalid(model, 'A tensor of text keeps its elements where only numbers can be.', tensor.name);
  }
  if (dtype === undefined || dtype === 'string' || isExternal(tensor)) return;
  const found = knownBytes(model, tensor);
  const needed = rawByteLength(dtype, count);
  if (found !== undefined && found !== needed) {
    throw invalid(model, `A tensor of ${dtype}[${dims.join(', ')}] needs ${needed} bytes and has ${found}.`, tensor.name);
  }
}

const RAW_DATA = 9;

/** Bytes of raw form, where the data is in that form. */
function knownBytes(model: Model, tensor: TensorProto): number | undefined {
  const stored = Object.hasOwn(tensor, 'payload') ? model.payloads[tensor.payload] : undefined;
  if (stored !== undefined) return stored.field === RAW_DATA ? stored.byteLength : undefined;
  return tensor.rawData.byteLength > 0 ? tensor.rawData.byteLength : undefined;
}

function invalid(model: Model, what: string, node?: string): QuantizeError {
  return new QuantizeError('MODEL_INVALID', what, { model: model.name, node, hint: HINT });
}
