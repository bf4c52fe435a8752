import { indexEdges, namesOf, nodeLabel, scopesOf, type Edges, type Names, type Scope, type Use } from '../graph/index.ts';
import { dtypeOf, tensorOf, type Model, type NodeProto, type Tensor, type TensorProto } from '../onnx/index.ts';
import type { ArtefactOptions } from '../options.ts';
import type { IntegerShare, WeightDecision } from '../types.ts';
import { findExclusions, nodeExclusion } from './exclusions.ts';
import { factorFinder, type FindFactor } from './gptq/hessian.ts';
import { nameMatcher } from './match-names.ts';
import type { Storage, StoredWeight } from './stored/form.ts';
import type { Observed, Statistics } from './static/statistics.ts';

export type QuantizeOptions = Pick<ArtefactOptions, 'format' | 'ops' | 'activations' | 'reduceRange' | 'perChannel' | 'integerDepthwise' | 'biasCorrection' | 'equalize' | 'smooth' | 'reconstruct' | 'block' | 'algorithm' | 'symmetric' | 'mixed' | 'exclude' | 'excludeOps' | 'include' | 'half' | 'minElements' | 'keepNames'>;

/** What the schemes of one model share: the model they edit and what they decided. */
export interface Context {
  readonly model: Model;
  readonly options: QuantizeOptions;
  readonly names: Names;
  /** True where weights may be presumed to be in the range of half precision, because the artefact is made again if they are not (half.ts). */
  readonly presumes: boolean;
  /** True for the name of a node or constant that the user wants left alone. */
  excluded(name: string): boolean;
  /** True for a node that the user wants left alone, by its name or operator, or because another part is to be changed. */
  leavesNode(node: NodeProto): boolean;
  /** Why the user wants weights left alone, as the model was before the first scheme. */
  readonly exclusions: ReadonlyMap<TensorProto, string>;
  /** Decisions by the initializer they were made for; a later scheme does not touch it again. */
  readonly decisions: Map<TensorProto, WeightDecision>;
  /** Where the artefact holds what became of weights, for those that look at it afterwards. */
  readonly stored: Map<TensorProto, StoredWeight>;
  readonly notes: string[];
  /** The float32 initializers that the source model has; scales that schemes add are none of them. */
  readonly weights: ReadonlySet<TensorProto>;
  /** What samples told of the inputs of products, as GPTQ needs it. */
  readonly inputFactor: FindFactor;
  /** What samples told of activations; empty where none were observed. */
  readonly statistics: Statistics;
  /** What schemes tell the report. */
  readonly told: { integerShare?: IntegerShare };
}

/** A float32 initializer that nobody has decided about, with all its readers. */
export interface Weight {
  readonly edges: Edges;
  readonly proto: TensorProto;
  readonly tensor: Tensor;
  readonly uses: readonly Use[];
  /** The edges of the scope that a reader is in. */
  edgesAt(scope: Scope): Edges;
}

export function createContext(model: Model, options: QuantizeOptions, { hessians = new Map(), statistics = new Map() }: Observed = {}, presumes = false): Context {
  const weights = new Set(scopesOf(model).flatMap(({ graph }) => graph.initializer).filter((proto) => dtypeOf(proto.dataType) === 'float32'));
  const context = { model, options, presumes, names: namesOf(model), excluded: nameMatcher(options.exclude), decisions: new Map(), stored: new Map(), notes: [], weights, inputFactor: factorFinder(hessians), statistics, told: {} };
  return { ...context, leavesNode: nodeExclusion(options), exclusions: findExclusions(options, () => undecidedWeights(context)) };
}

/** The float32 initializers of all scopes that are still undecided, in file order. */
export function undecidedWeights({ model, decisions, weights }: Pick<Context, 'model' | 'decisions' | 'weights'>): Weight[] {
  const isUndecided = (proto: TensorProto): boolean => weights.has(proto) && !decisions.has(proto);
  if (!scopesOf(model).some(({ graph }) => graph.initializer.some(isUndecided))) return [];
  const all = new Map(indexEdges(model).map((edges) => [edges.scope, edges]));
  const edgesAt = (scope: Scope): Edges => all.get(scope)!;
  return [...all.values()].flatMap((edges) => edges.scope.graph.initializer
    .filter(isUndecided)
    .map((proto) => ({ edges, proto, tensor: tensorOf(model, proto), uses: edges.uses(proto.name), edgesAt })));
}

/** True when the user wants the weight left alone. */
export function isExcluded({ exclusions }: Context, { proto }: Weight): boolean {
  return exclusions.has(proto);
}

/** A name that a reader can find the weight by: the scope's path and the initializer's name. */
export function weightName(weight: Weight): string {
  return weight.edges.scope.path + weight.proto.name;
}

export function decide(context: Context, weight: Weight, scheme: string, bytesAfter: number, reason?: string): void {
  const { proto, tensor } = weight;
  const decision: WeightDecision = {
    tensor: weightName(weight),
    ops: [...new Set(weight.uses.map(({ node }) => node.opType))].sort(),
    dims: [...tensor.dims],
    dtype: tensor.dtype,
    scheme,
    bytesBefore: tensor.byteLength,
    bytesAfter,
  };
  if (reason !== undefined) decision.reason = reason;
  context.decisions.set(proto, decision);
}

/** Remembers which initializers stand for a weight. */
export function remember(context: Context, { proto, tensor, uses }: Weight, storage: Storage): void {
  context.stored.set(proto, { ...storage, original: tensor, nodes: uses.map(({ node }) => nodeLabel(node)) });
}
