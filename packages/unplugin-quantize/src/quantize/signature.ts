import { dtypeOf, type GraphProto, type ValueInfoProto } from '../onnx/index.ts';
import type { ValueSignature } from '../types.ts';

/** Inputs that a caller has to feed: those with an initializer have a default (IR version 3). */
export function inputSignatures(graph: GraphProto): ValueSignature[] {
  const defaults = new Set(graph.initializer.map((tensor) => tensor.name));
  return graph.input.filter((value) => !defaults.has(value.name)).map(signature);
}

export function outputSignatures(graph: GraphProto): ValueSignature[] {
  return graph.output.map(signature);
}

function signature(value: ValueInfoProto): ValueSignature {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return { name: value.name, dtype: type === undefined ? 'unknown' : (type.case ?? 'unknown'), dims: null };
  const dims = type.value.shape?.dim.map(({ value: dim }) => {
    if (dim.case === 'dimValue') return Number(dim.value);
    return dim.case === 'dimParam' && dim.value !== '' ? dim.value : null;
  });
  return { name: value.name, dtype: dtypeOf(type.value.elemType) ?? 'unknown', dims: dims ?? null };
}
