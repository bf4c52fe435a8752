import { clearField, clone } from '@bufbuild/protobuf';
import { QuantizeError } from '../../errors.ts';
import { AttributeProtoSchema, NodeProtoSchema, type AttributeProto, type FunctionProto, type GraphProto, type NodeProto } from '../../onnx/index.ts';
import { makeNode, type Names } from '../edit.ts';
import { nodeLabel } from '../scope.ts';

/** New names of values by the names that they have in the body; a subgraph sees those of the graphs around it too. */
type Renames = ReadonlyMap<string, string>;

/** The label stands in every name of the body, and in those of functions inside: long ones would multiply. */
const LONGEST_LABEL = 500;

interface Call {
  /** What fresh names start with. */
  readonly label: string;
  readonly names: Names;
  /** What references to attributes of the function stand for: the attributes of the call, then the function's defaults. */
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

/**
 * The nodes that a call of a local function stands for (ONNX IR, "Functions"). Inner values get fresh names; references to attributes
 * of the function become the call's attributes or the function's defaults, or are left out where there is neither.
 *
 * @throws QuantizeError MODEL_INVALID when the call has more inputs or outputs than the function, or the body reads what nothing defines, defines a name twice or leaves an output open
 */
export function instantiate(fn: FunctionProto, node: NodeProto, names: Names): NodeProto[] {
  const attributes = new Map([...fn.attributeProto, ...node.attribute].map((attribute) => [attribute.name, attribute]));
  const call: Call = { label: nodeLabel(node).slice(0, LONGEST_LABEL), names, attributes };
  for (const [kind, given, known] of [['inputs', node.input, fn.input], ['outputs', node.output, fn.output]] as const) {
    if (given.findLastIndex((name) => name !== '') >= known.length) throw broken(call, `A call of a local function has more ${kind} than the function`);
  }
  const inputs = new Map(fn.input.map((name, i) => [name, node.input[i] ?? '']));
  const outputs = new Map<string, string>();
  const handedOn: NodeProto[] = [];
  fn.output.forEach((name, i) => {
    const actual = node.output[i] ?? '';
    if (actual === '') return;
    // An input that is handed out, or a value that is handed out twice, gets its second name from a node.
    const first = inputs.get(name) ?? outputs.get(name);
    if (first === undefined) outputs.set(name, actual);
    else handedOn.push(makeNode('Identity', [first], [actual]));
  });
  const nodes = renameNodes(call, fn.node, inputs, outputs);
  const computed = new Set(fn.node.flatMap(({ output }) => output));
  for (const name of outputs.keys()) {
    if (!computed.has(name)) throw broken(call, `A local function does not compute its output "${name}"`);
  }
  return [...nodes, ...handedOn];
}

/**
 * @param outer names that are known where the nodes begin
 * @param own new names of values that the nodes define, where they are not free
 */
function renameNodes(call: Call, nodes: readonly NodeProto[], outer: Renames, own: Renames): NodeProto[] {
  const renames = new Map(outer);
  const defined = new Set<string>();
  for (const name of nodes.flatMap(({ output }) => output)) {
    if (name === '') continue;
    if (defined.has(name)) throw broken(call, `The name "${name}" is defined twice in a local function`);
    defined.add(name);
    renames.set(name, own.get(name) ?? freshName(call, name));
  }
  return nodes.map((source) => {
    const node = clone(NodeProtoSchema, source);
    node.input = node.input.map((name) => lookUp(call, name, renames));
    node.output = node.output.map((name) => (name === '' ? '' : renames.get(name)!));
    if (node.name !== '') node.name = freshName(call, node.name);
    for (const { g, graphs } of node.attribute) for (const graph of g === undefined ? graphs : [g]) renameGraph(call, graph, renames);
    // Graphs among the call's attributes come in last, as their names are those of the caller.
    node.attribute = node.attribute.flatMap((attribute) => resolveReference(call, attribute));
    return node;
  });
}

/** Inputs and initializers of a subgraph are renamed too: they could hide a name of the caller that the subgraph reads. */
function renameGraph(call: Call, graph: GraphProto, outer: Renames): void {
  const renames = new Map(outer);
  const given = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const { values } of graph.sparseInitializer) given.add(values?.name ?? '');
  for (const name of given) renames.set(name, freshName(call, name));
  for (const named of [...graph.input, ...graph.initializer]) named.name = renames.get(named.name)!;
  for (const { values } of graph.sparseInitializer) if (values !== undefined) values.name = renames.get(values.name)!;
  const own = new Map(graph.node.flatMap(({ output }) => output).filter((name) => name !== '').map((name) => [name, freshName(call, name)]));
  graph.node = renameNodes(call, graph.node, renames, own);
  for (const [name, renamed] of own) renames.set(name, renamed);
  for (const value of graph.output) value.name = lookUp(call, value.name, renames);
  graph.valueInfo = [];
  graph.quantizationAnnotation = [];
}

function resolveReference({ attributes }: Call, attribute: AttributeProto): AttributeProto[] {
  if (attribute.refAttrName === '') return [attribute];
  const found = attributes.get(attribute.refAttrName);
  if (found === undefined) return [];
  const resolved = clone(AttributeProtoSchema, found);
  resolved.name = attribute.name;
  clearField(resolved, AttributeProtoSchema.field.docString);
  return [resolved];
}

function lookUp(call: Call, name: string, renames: Renames): string {
  if (name === '') return '';
  const renamed = renames.get(name);
  if (renamed === undefined) throw broken(call, `A local function reads "${name}", which nothing defines`);
  return renamed;
}

function freshName({ label, names }: Call, name: string): string {
  return names.fresh(`${label}/${name}`);
}

function broken({ label }: Call, what: string): QuantizeError {
  return new QuantizeError('MODEL_INVALID', `${what}.`, { node: label, hint: 'The exporter left the function broken; export the model again.' });
}
