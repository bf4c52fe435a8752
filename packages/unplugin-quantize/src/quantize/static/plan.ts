import type { Use } from '../../graph/index.ts';
import type { NodeProto } from '../../onnx/index.ts';
import { findCandidates, type Candidate } from './candidates.ts';
import type { GraphView } from './views.ts';
import { staticOperator } from './operators.ts';

/** Which nodes are computed in integers, and which values are quantized for them. */
export interface Plan {
  /** In the order of the graph. */
  readonly nodes: readonly Candidate[];
  /** Nodes by the values that they give. */
  readonly producers: ReadonlyMap<string, Candidate>;
  /** Computed values that are quantized. */
  readonly quantized: ReadonlySet<string>;
}

/** A graph with what becomes of it. */
export interface Planned {
  readonly view: GraphView;
  readonly plan: Plan;
}

/**
 * Chooses integer nodes of each graph: all products with a weight, and what is between integer nodes on both sides: an integer value comes in, and an
 * integer node wants what goes out. Around anything else QuantizeLinear and DequantizeLinear would cost more than integers save.
 */
export function planStatic(views: readonly GraphView[]): Planned[] {
  const candidates = findCandidates(views);
  return views.map((view, i) => ({ view, plan: planGraph(view, candidates[i]!) }));
}

function planGraph(view: GraphView, candidates: readonly Candidate[]): Plan {
  const included = new Map(candidates.map((candidate) => [candidate.node, candidate]));
  const producers = new Map([...included.values()].flatMap((candidate) => candidate.outputs.map((name) => [name, candidate] as const)));
  const isInteger = (name: string): boolean => included.has(producers.get(name)?.node as NodeProto);
  const wants = ({ node, scope }: Use, name: string): boolean => scope === view.edges.scope && included.get(node)?.activations.includes(name) === true;
  const isWanted = (name: string): boolean => view.edges.uses(name).some((use) => wants(use, name));
  // Each removal may leave a neighbour alone, so all are looked at until nothing changes; candidates end, so this does.
  for (let changed = true; changed;) {
    changed = false;
    for (const candidate of included.values()) {
      const { node, role, isSeed, activations, outputs } = candidate;
      const comesIn = role === 'product' ? activations.every(isInteger) : activations.some(isInteger);
      if (isSeed || (comesIn && outputs.some(isWanted))) continue;
      included.delete(node);
      changed = true;
    }
  }
  const nodes = [...included.values()];
  const needsOutput = ({ node }: Candidate): boolean => staticOperator(node)?.floatKernel === undefined;
  const quantized = new Set(nodes.flatMap((candidate) => [
    ...candidate.activations, ...candidate.outputs.filter((name) => needsOutput(candidate) || isWanted(name)),
  ]));
  for (const [name, { node }] of producers) if (!included.has(node)) producers.delete(name);
  return { nodes, producers, quantized };
}

/** Where the scale and zero point of a value come from: the value itself, or through movers the one that they move, times the factors on the way. */
export function rootOf(name: string, { producers }: Pick<Plan, 'producers'>): { root: string; factor: number } {
  let root = name;
  let factor = 1;
  for (let producer = producers.get(root); producer?.role === 'mover'; producer = producers.get(root)) {
    root = producer.activations[0]!;
    factor *= producer.factor ?? 1;
  }
  return { root, factor };
}
