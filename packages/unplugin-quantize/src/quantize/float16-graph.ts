import { findAttribute, forgetTypes, HALF_OPS, intAttribute, isOperator, makeNode, outputDtype, OWN_HALF_OPS, renameReads, setAttribute, stringAttribute, subgraphsOf } from '../graph/index.ts';
import { dtypeCode, dtypeOf, elementCount, tensorOf, tensorProto, type DType, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { decide, remember, undecidedWeights, type Context, type Weight } from './context.ts';
import { fitsFloat16, isMask, isWorthPresuming, toFloat16, vanishes, withinHalf } from './half.ts';

/** The names under which a value can be read in each precision. */
type Casts = Partial<Record<'float32' | 'float16', string>>;

/** What a float32 value of the source is now. */
interface Value extends Casts {
  dtype: DType | undefined;
  /** Present where the value is a constant. */
  constant?: TensorProto;
}

/** The values that a graph sees: its own, then those of the graphs around it. */
interface Env {
  readonly graph: GraphProto;
  readonly values: Map<string, Value>;
  /** Casts made here of values of outer graphs, by those values. */
  readonly casts: Map<Value, Casts>;
  readonly parent: Env | undefined;
  /** Nodes of the rewritten graph so far. */
  readonly nodes: NodeProto[];
  readonly constants: TensorProto[];
}

/**
 * Computes in half precision what is safe in it (ops/half-ops.ts); inputs and outputs of every graph stay float32.
 *
 *     x (f32) -> Conv -> ReduceMean -> y    becomes    x -> Cast(f16) -> Conv -> Cast(f32) -> ReduceMean -> y
 *
 * Each value is cast at most once to each precision in a graph. Constants are stored in the precision in which they are read.
 *
 * - Masks (finite values below -1e30 or above 1e30) become -1e4 or 1e4, so that two of them added stay finite.
 * - A node stays float32 when it reads any other constant beyond the range of float16, a single number that float16 would round to
 *   zero (the epsilon of a norm), a divisor with such elements, or a value whose type is not known.
 */
export function computeInHalves(context: Context): void {
  const weights = new Map(undecidedWeights(context).map((weight) => [weight.proto, weight]));
  const beyond = new Set<string>();
  rewriteGraph({ ...context, pending: weights, beyond }, context.model.proto.graph!, undefined);
  if (beyond.size > 0) context.notes.push(beyondNote([...beyond]));
  forgetTypes(context.model);
}

interface HalfContext extends Context {
  /** Readers of each constant as they were before the rewrite. */
  readonly pending: ReadonlyMap<TensorProto, Weight>;
  /** Names of constants beyond the range of float16, whose readers stay float32 for that. */
  readonly beyond: Set<string>;
}

/** The most names that a note lists. */
const LISTED = 3;

function beyondNote(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `Values beyond the range of float16 (65504) keep the nodes that read them in float32: ${names.slice(0, LISTED).join(', ')}${more}.`;
}

function rewriteGraph(context: HalfContext, graph: GraphProto, parent: Env | undefined): Env {
  const env: Env = { graph, values: new Map(), casts: new Map(), parent, nodes: [], constants: [] };
  const known = new Map(graph.valueInfo.map((info) => [info.name, elementType(info.type)]));
  for (const info of graph.input) define(env, info.name, elementType(info.type), 'float32');
  for (const proto of graph.initializer) {
    const dtype = dtypeOf(proto.dataType);
    env.values.set(proto.name, dtype === 'float32' ? { dtype, constant: proto } : { dtype });
    if (dtype !== 'float32') env.constants.push(proto);
  }
  for (const node of graph.node) rewriteNode(context, env, node, known);
  restoreOutputs(context, env);
  graph.node = env.nodes;
  graph.initializer = env.constants;
  return env;
}

function rewriteNode(context: HalfContext, env: Env, node: NodeProto, known: ReadonlyMap<string, DType | undefined>): void {
  const inputs = node.input.map((name) => lookup(env, name)?.dtype);
  const inner = [...subgraphsOf(node)].map(({ graph }) => rewriteGraph(context, graph, env));
  const floatIndices = inputs.flatMap((dtype, index) => (dtype === 'float32' ? [index] : []));
  const half = isHalf(context, env, node, inputs) || fillsWithMask(context, node);
  const kept = half ? (HALF_OPS.get(node.opType) ?? []) : floatIndices;
  const isIdentity = isNowIdentity(env, node);
  // A Cast reads whatever there is, so it needs no other cast before it.
  const reads = node.opType === 'Cast' ? [] : floatIndices;
  node.input = node.input.map((name, index) => {
    if (!floatIndices.includes(index)) return name;
    if (!reads.includes(index)) return nativeName(context, env, name);
    return nameIn(context, env, name, kept.includes(index) ? 'float32' : 'float16');
  });
  env.nodes.push(node);
  node.output.forEach((name, index) => {
    if (name === '') return;
    const dtype = outputDtype(node, inputs, index) ?? known.get(name) ?? subgraphDtype(node, inner, index);
    define(env, name, dtype, half ? 'float16' : 'float32');
  });
  // What was widened from half precision, as scales of packed weights are, is at hand in both.
  if (isOperator(node, 'Cast') && inputs[0] === 'float16' && dtypeOf(intAttribute(node, 'to', 0)) === 'float32') env.values.get(node.output[0]!)!.float16 = node.input[0]!;
  if (!isIdentity) return;
  node.opType = 'Identity';
  node.attribute = [];
}

/** True for a Cast to float16 of what is float16 by now: onnxruntime 1.30 refuses a model with a Cast from float16 to itself. */
function isNowIdentity(env: Env, node: NodeProto): boolean {
  const value = isOperator(node, 'Cast') ? lookup(env, node.input[0]!) : undefined;
  return value?.dtype === 'float32' && value.float32 === undefined && value.float16 !== undefined && intAttribute(node, 'to', 0) === dtypeCode('float16');
}

function isHalf(context: HalfContext, env: Env, node: NodeProto, inputs: readonly (DType | undefined)[]): boolean {
  if (context.leavesNode(node)) return false;
  const kept = isOperator(node, node.opType) ? HALF_OPS.get(node.opType) : node.domain === 'com.microsoft' && OWN_HALF_OPS.has(node.opType) ? [] : undefined;
  if (kept === undefined || !inputs.includes('float32')) return false;
  // ScatterND and ScatterElements that add or compare have no half-precision kernel on CPUs.
  if (stringAttribute(node, 'reduction', 'none') !== 'none') return false;
  return node.input.every((name, index) => {
    // What is not known may be float32, and an operator wants all its inputs in one type.
    if (inputs[index] === undefined) return name === '';
    const constant = inputs[index] === 'float32' && !kept.includes(index) ? lookup(env, name)!.constant : undefined;
    return constant === undefined || (!context.excluded(constant.name) && fitsHalf(context, node, index, constant));
  });
}

function fitsHalf({ model, presumes, beyond }: HalfContext, node: NodeProto, index: number, constant: TensorProto): boolean {
  const tensor = tensorOf(model, constant);
  const matters = elementCount(tensor.dims) === 1 || (node.opType === 'Div' && index === 1);
  if (matters && vanishes(tensor)) return false;
  // The bounds of a Clip are quantities however large they are, and one beyond the range is nothing to tell of.
  if (node.opType === 'Clip') return fitsFloat16(tensor);
  const fits = (presumes && isWorthPresuming(tensor)) || withinHalf(tensor);
  if (!fits) beyond.add(constant.name);
  return fits;
}

/** ConstantOfShape that fills with a mask gives a half-precision mask, because casting the value itself would make it infinite. */
function fillsWithMask({ model, names, leavesNode }: HalfContext, node: NodeProto): boolean {
  const value = isOperator(node, 'ConstantOfShape') && !leavesNode(node) ? findAttribute(node, 'value')?.t : undefined;
  if (value === undefined || dtypeOf(value.dataType) !== 'float32' || !isMask(tensorOf(model, value))) return false;
  setAttribute(node, 'value', tensorProto(model, names.fresh('mask'), toFloat16(tensorOf(model, value))));
  return true;
}

/** The name of a float32 value in the wanted precision; a cast or a constant is added the first time it is asked for. */
function nameIn(context: HalfContext, env: Env, name: string, precision: 'float32' | 'float16'): string {
  const owner = owningEnv(env, name)!;
  const value = owner.values.get(name)!;
  const there = value[precision];
  if (there !== undefined) return there;
  if (value.constant !== undefined) return (value[precision] = constantIn(context, owner, value.constant, precision));
  // Nodes of an outer graph that come later cannot be relied on, so the cast stands in the graph that reads it.
  const casts = env === owner ? value : castsOf(env, value);
  const known = casts[precision];
  if (known !== undefined) return known;
  const casted = context.names.fresh(`${name}_${precision === 'float16' ? 'h' : 'f'}`);
  env.nodes.push(makeNode('Cast', [nativeName(context, env, name)], [casted], { to: BigInt(dtypeCode(precision)) }));
  casts[precision] = casted;
  return casted;
}

function castsOf({ casts }: Env, value: Value): Casts {
  const known = casts.get(value) ?? {};
  casts.set(value, known);
  return known;
}

function nativeName(context: HalfContext, env: Env, name: string): string {
  const value = lookup(env, name)!;
  return value.float32 ?? value.float16 ?? nameIn(context, env, name, 'float32');
}

function constantIn(context: HalfContext, env: Env, constant: TensorProto, precision: 'float32' | 'float16'): string {
  const { model, names, pending, decisions, presumes } = context;
  const tensor = tensorOf(model, constant);
  const isHalf = precision === 'float16';
  const stored = isHalf ? tensorProto(model, names.fresh(`${constant.name}_h`), toFloat16(tensor, presumes ? 'within' : undefined)) : constant;
  // A constant that nodes of both kinds read is stored twice.
  const bytes = (isHalf ? tensor.byteLength / 2 : tensor.byteLength) + (env.constants.includes(constant) ? tensor.byteLength : 0);
  const decided = decisions.get(constant);
  const weight = pending.get(constant);
  if (decided !== undefined) decided.bytesAfter += bytes;
  else if (isHalf && weight !== undefined) decide(context, weight, 'fp16', bytes);
  if (isHalf && decided === undefined && weight !== undefined) remember(context, weight, { order: { kind: 'half' }, values: stored });
  env.constants.push(stored);
  return stored.name;
}

/** A graph's outputs have their names and float32; a value that was computed in half precision gets a cast in front of it. */
function restoreOutputs(context: HalfContext, env: Env): void {
  const renamed = new Map<string, string>();
  for (const { name } of env.graph.output) {
    const value = env.values.get(name);
    if (value?.dtype !== 'float32') continue;
    if (value.constant !== undefined) nameIn(context, env, name, 'float32');
    else if (value.float16 === name) renamed.set(name, (value.float16 = context.names.fresh(`${name}_h`)));
  }
  if (renamed.size === 0) return;
  renameValues(env.nodes, renamed);
  for (const [name, half] of renamed) env.nodes.push(makeNode('Cast', [half], [name], { to: BigInt(dtypeCode('float32')) }));
}

function renameValues(nodes: readonly NodeProto[], renamed: ReadonlyMap<string, string>): void {
  for (const node of nodes) if (node.output.some((name) => renamed.has(name))) node.output = node.output.map((name) => renamed.get(name) ?? name);
  renameReads(nodes, renamed);
}

function define(env: Env, name: string, dtype: DType | undefined, native: 'float32' | 'float16'): void {
  env.values.set(name, dtype === 'float32' ? { dtype, [native]: name } : { dtype });
}

function lookup(env: Env, name: string): Value | undefined {
  return owningEnv(env, name)?.values.get(name);
}

function owningEnv(env: Env, name: string): Env | undefined {
  for (let at: Env | undefined = env; at !== undefined; at = at.parent) if (at.values.has(name)) return at;
  return undefined;
}

/** Outputs of If and Loop have the types of their subgraphs' outputs: those of a Loop's body follow its condition, those of Scan's body are in order. */
function subgraphDtype(node: NodeProto, inner: readonly Env[], index: number): DType | undefined {
  const [env] = inner;
  const output = env?.graph.output[node.opType === 'Loop' ? index + 1 : index];
  return output === undefined ? undefined : (elementType(output.type) ?? lookup(env!, output.name)?.dtype);
}

function elementType(type: GraphProto['input'][number]['type']): DType | undefined {
  return type?.value.case === 'tensorType' ? dtypeOf(type.value.value.elemType) : undefined;
}
