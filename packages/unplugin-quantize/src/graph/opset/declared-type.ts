import type { TypeProto } from '../../onnx/index.ts';
import type { Edges } from '../edges.ts';

/** The type that a graph declares for one of its values: as an input, an output or in value_info. */
export function declaredType(name: string, { scope: { graph } }: Edges): TypeProto | undefined {
  for (const list of [graph.input, graph.output, graph.valueInfo]) {
    const found = list.find((value) => value.name === name);
    if (found?.type !== undefined) return found.type;
  }
  return undefined;
}
