import { floatAttribute, isHandedOut, isOperator, type Use } from '../../graph/index.ts';
import type { NodeProto } from '../../onnx/index.ts';
import { boundAfter, scalar } from './bounds.ts';
import type { GraphView } from './views.ts';

/** A range outside of which a value makes no difference. */
export interface Limits {
  readonly low: number;
  readonly high: number;
}

const NONE: Limits = { low: -Infinity, high: Infinity };

/** Beyond this, a sigmoid differs from 0 or 1 by less than 1/2,900: less than half a step of 1/255. */
const SIGMOID_END = 8;

/**
 * The range of a value that its readers tell apart, so that its integers are not spent on the rest: what a hard sigmoid, a hard swish or a
 * sigmoid makes of values far below zero is zero.
 *
 *     x -> Add(3) -> Clip(0, 6) -> g, Mul(x, g)    x below -3 counts as -3
 */
export function inputLimits(view: GraphView, value: string): Limits {
  const { edges } = view;
  const uses = edges.uses(value);
  if (uses.length === 0 || isHandedOut(value, edges) || uses.some(({ scope }) => scope !== edges.scope)) return NONE;
  const gates = new Map<string, Limits>();
  for (const { node } of uses) {
    const gate = gateOf(view, node, value);
    if (gate !== undefined) gates.set(gate.output, gate.limits);
  }
  const limits = uses.map((use) => limitsOf(view, use, value, gates));
  return { low: Math.min(...limits.map(({ low }) => low)), high: Math.max(...limits.map(({ high }) => high)) };
}

function limitsOf(view: GraphView, { node }: Use, value: string, gates: ReadonlyMap<string, Limits>): Limits {
  if (isOperator(node, 'Relu')) return { low: 0, high: Infinity };
  if (isOperator(node, 'HardSwish')) return { low: -3, high: Infinity };
  const gate = gateOf(view, node, value);
  if (gate !== undefined) return gate.limits;
  if (!isOperator(node, 'Mul')) return NONE;
  // Where the gate is shut the product is zero, however large the value is.
  const other = gates.get(node.input[0] === value ? node.input[1]! : node.input[0]!);
  return other === undefined ? NONE : { low: other.low, high: Infinity };
}

/** A function of the value that is constant beyond its limits, zero below them. */
function gateOf(view: GraphView, node: NodeProto, value: string): { output: string; limits: Limits } | undefined {
  const output = node.output[0]!;
  if (isOperator(node, 'Sigmoid')) return { output, limits: { low: -SIGMOID_END, high: SIGMOID_END } };
  if (isOperator(node, 'HardSigmoid')) {
    const [alpha, beta] = [floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)];
    return alpha > 0 ? { output, limits: { low: -beta / alpha, high: (1 - beta) / alpha } } : undefined;
  }
  if (!isOperator(node, 'Add')) return undefined;
  const { edges, all, context } = view;
  const offset = scalar(node.input[node.input[0] === value ? 1 : 0]!, edges, all, context.model);
  const bound = offset === undefined ? undefined : boundAfter(output, edges, all, context.model);
  return bound?.low === 0 ? { output: bound.node.output[0]!, limits: { low: -offset!, high: bound.high - offset! } } : undefined;
}
