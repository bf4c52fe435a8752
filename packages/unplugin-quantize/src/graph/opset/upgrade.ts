import { cloneModel, opsetVersion, requireOpset, sameDomain, type Model, type NodeProto } from '../../onnx/index.ts';
import { nodeLabel } from '../scope.ts';
import { changeAt } from './changes.ts';
import { contextsOf, startConversion, type Conversion, type OpsetContext } from './context.ts';
import { hasOperator, NEWEST, OLDEST, OPERATORS } from './operators.ts';

export interface UpgradeResult {
  /** True when the model now imports the target or a newer opset, also where it did before. */
  upgraded: boolean;
  /** Why not, starting in lower case so that it can end a sentence. */
  reason?: string;
}

/** The IR version that came with an opset; writers of the standard use at least this one. */
const IR_VERSIONS: Record<number, bigint> = { 10: 5n, 11: 6n, 12: 7n, 13: 7n };

/**
 * Brings the standard's operators of a model to a newer opset (9 to 13), step by step, in all subgraphs. What the model computes stays the same.
 * All or nothing: when one node has no equal in a newer opset, nothing is touched and the reason names it. Nodes and tensors that need no
 * change stay the same objects; lists that become inputs are new initializers of the same scope.
 */
export function upgradeOpset(model: Model, target: number): UpgradeResult {
  const version = opsetVersion(model.proto);
  if (version === undefined) return refuse('the model does not say which opset it is of');
  if (version >= target) return { upgraded: true };
  if (version < OLDEST || target > NEWEST) return refuse(`opset ${version} cannot be converted to ${target}: conversion covers ${OLDEST} to ${NEWEST}`);
  if (model.proto.functions.length > 0) return refuse('the model has local functions, which have opsets of their own');
  // Tried on a copy first, so that a refusal half-way leaves the model as it was.
  const reason = convert(cloneModel(model), version, target);
  if (reason !== undefined) return refuse(reason);
  convert(model, version, target);
  return { upgraded: true };
}

function convert(model: Model, from: number, to: number): string | undefined {
  const conversion = startConversion(model);
  for (let version = from + 1; version <= to; version++) {
    const reason = step(conversion, version);
    if (reason !== undefined) return reason;
  }
  requireOpset(model.proto, '', to);
  const ir = IR_VERSIONS[to] ?? 0n;
  if (model.proto.irVersion < ir) model.proto.irVersion = ir;
  return undefined;
}

function step(conversion: Conversion, version: number): string | undefined {
  for (const { edges, context } of contextsOf(conversion)) {
    const nodes: NodeProto[] = [];
    for (const node of edges.scope.graph.node) {
      const adapted = sameDomain(node.domain, '') ? adapt(node, version, context) : [node];
      if (typeof adapted === 'string') return adapted;
      for (const one of adapted) nodes.push(one);
    }
    edges.scope.graph.node = nodes;
  }
  return undefined;
}

function adapt(node: NodeProto, version: number, context: OpsetContext): NodeProto[] | string {
  const { opType } = node;
  if (!hasOperator(opType, version - 1)) return `opset ${version - 1} has no operator ${opType} (node "${nodeLabel(node)}")`;
  if (!OPERATORS.get(opType)!.includes(version)) return [node];
  const change = changeAt(version, opType);
  if (change === 'same') return [node];
  if (change === undefined) return `${opType} changed at opset ${version} (node "${nodeLabel(node)}")`;
  const label = nodeLabel(node);
  const adapted = change(node, context);
  return 'refused' in adapted ? `${opType} of opset ${version - 1} (node "${label}") ${adapted.refused}` : adapted;
}

function refuse(reason: string): UpgradeResult {
  return { upgraded: false, reason };
}
