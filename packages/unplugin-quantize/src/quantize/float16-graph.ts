import { forgetTypes, HALF_OPS, makeNode, outputDtype, subgraphsOf } from '../graph/index.ts';
import { dtypeCode, dtypeOf, tensorOf, tensorProto, type DType, type GraphProto, type NodeProto, type TensorProto } from '../onnx/index.ts';
import { decide, undecidedWeights, type Context, type Weight } from './context.ts';
import { fitsFloat16, toFloat16, withinHalf } from './half.ts';

/** What a float32 value of the source is now: the names under which it can be read in each precision. */
interface Value {
  dtype: DType | undefined;
  /** Present where the value is a constant. */
  constant?: TensorProto;
  float32?: string;
  float16?: string;
}

/** The values that a graph sees: its own, then those of the graphs around it. */
interface Env {
  readonly graph: GraphProto;
  readonly values: Map<string, Value>;
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
 * Each value is cast at most once to each precision in a graph. Constants are stored in the precision in which they are read; masks (finite values below -1e30 or above 1e30) become -1e4 or 1e4 so that two of them added stay finite, and a node that
 * reads any other constant beyond the range of float16 stays float32. Values of unknown type are left alone.
 */
export function computeInHalves(context: Context): void {
  const weights = new Map(undecidedWeights(context).map((weight) => [weight.proto, weight]));
  rewriteGraph({ ...context, pending: weights }, context.model.proto.graph!, undefined);
  forgetTypes(context.model);
}

interface HalfContext extends Context {
  /** Readers of each constant as they were before the rewrite. */
  readonly pending: ReadonlyMap<TensorProto, Weight>;
}

function rewriteGraph(context: HalfContext, graph: GraphProto, parent: Env | undefined): Env {
  const env: Env = { graph, values: new Map(), parent, nodes: [], constants: [] };
  const known = new Map(graph.valueInfo.map((info) => [info.name, elementType(info.type)]));
  for (const info of graph.input) define(env, info.name, elementType(info.type), 'float32');
  for (const proto of graph.initializer) {
    const dtype = dtypeOf(proto.dataType);
    env.values.set(proto.name, dtype === 'float32' ? { dtype, constant: proto } : { dtype });
    if (dtype !== 'float32') env.constants.push(proto);
  }
  for (const node of graph.node) rewriteNode(context, env, node, known);
  for (const output of graph.output) restoreOutput(context, env, output.name);
  graph.node = env.nodes;
  graph.initializer = env.constants;
  return env;
}

function rewriteNode(context: HalfContext, env: Env, node: NodeProto, known: ReadonlyMap<string, DType | undefined>): void {
  const inputs = node.input.map((name) => lookup(env, name)?.dtype);
  const inner = [...subgraphsOf(node)].map(({ graph }) => rewriteGraph(context, graph, env));
  const floatIndices = inputs.flatMap((dtype, index) => (dtype === 'float32' ? [index] : []));
  const half = isHalf(context, env, node, floatIndices);
  const kept = half ? HALF_OPS.get(node.opType)! : floatIndices;
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
}

function isHalf(context: HalfContext, env: Env, node: NodeProto, floatIndices: readonly number[]): boolean {
  const kept = HALF_OPS.get(node.opType);
  const standard = node.domain === '' || node.domain === 'ai.onnx';
  if (kept === undefined || !standard || floatIndices.length === 0 || (node.name !== '' && context.excluded(node.name))) return false;
  return floatIndices.every((index) => {
    const constant = lookup(env, node.input[index]!)?.constant;
    if (constant === undefined || kept.includes(index)) return true;
    // The bounds of a Clip are quantities however large they are.
    const fits = node.opType === 'Clip' ? fitsFloat16 : withinHalf;
    return !context.excluded(constant.name) && fits(tensorOf(context.model, constant));
  });
}

/** The name of a float32 value in the wanted precision; a cast or a constant is added the first time it is asked for. */
function nameIn(context: HalfContext, env: Env, name: string, precision: 'float32' | 'float16'): string {
  const owner = owningEnv(env, name)!;
  const value = owner.values.get(name)!;
  const there = value[precision];
  if (there !== undefined) return there;
  if (value.constant !== undefined) return (value[precision] = constantIn(context, owner, value.constant, precision));
  // Nodes of an outer graph that come later cannot be relied on, so the cast stands in the graph that reads it.
  const local = `${precision} ${name}`;
  const cast = env.values.get(local)?.[precision];
  if (cast !== undefined) return cast;
  const casted = context.names.fresh(`${name}_${precision === 'float16' ? 'h' : 'f'}`);
  env.nodes.push(makeNode('Cast', [nativeName(context, env, name)], [casted], { to: BigInt(dtypeCode(precision)) }));
  if (env === owner) value[precision] = casted;
  else env.values.set(local, { dtype: precision, [precision]: casted });
  return casted;
}

function nativeName(context: HalfContext, env: Env, name: string): string {
  const value = lookup(env, name)!;
  return value.float32 ?? value.float16 ?? nameIn(context, env, name, 'float32');
}

function constantIn(context: HalfContext, env: Env, constant: TensorProto, precision: 'float32' | 'float16'): string {
  const { model, names, pending } = context;
  if (precision === 'float32') {
    env.constants.push(constant);
    return constant.name;
  }
  const tensor = tensorOf(model, constant);
  const half = tensorProto(model, names.fresh(`${constant.name}_h`), toFloat16(tensor));
  env.constants.push(half);
  const weight = pending.get(constant);
  if (weight !== undefined) decide(context, weight, 'fp16', tensor.byteLength / 2);
  return half.name;
}

/** A graph's output has its name and float32; a value that was computed in half precision gets a cast in front of it. */
function restoreOutput(context: HalfContext, env: Env, name: string): void {
  const value = env.values.get(name);
  if (value === undefined || value.dtype !== 'float32') return;
  if (value.constant !== undefined) {
    nameIn(context, env, name, 'float32');
    return;
  }
  if (value.float16 !== name) return;
  const half = context.names.fresh(`${name}_h`);
  const rename = (other: string): string => (other === name ? half : other);
  for (const node of env.nodes) {
    node.output = node.output.map(rename);
    renameReads(node, rename);
  }
  value.float16 = half;
  env.nodes.push(makeNode('Cast', [half], [name], { to: BigInt(dtypeCode('float32')) }));
}

function renameReads(node: NodeProto, rename: (name: string) => string): void {
  node.input = node.input.map(rename);
  for (const { graph } of subgraphsOf(node)) for (const inner of graph.node) renameReads(inner, rename);
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
