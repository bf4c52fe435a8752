import { scopesOf, tensorsOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { bytesSource, dtypeOf, isExternal, rawTensor, readModel, setTensor, tensorOf, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { bytesOf } from './seeds.ts';

/**
 * Makes a failing model smaller, piece by piece, for as long as it fails in the same way: nodes, tensors, inputs and so on are left out, data
 * becomes zeros, and bytes are left out where the model cannot be read.
 */
export function minimise(bytes: Uint8Array, fails: (bytes: Uint8Array) => boolean): Uint8Array {
  let smallest = withoutBytes(bytes, fails);
  for (let before = Infinity; smallest.length < before;) {
    before = smallest.length;
    for (let list = 0; ; list++) {
      const length = listsOf(smallest)?.[list]?.length;
      if (length === undefined) break;
      smallest = withoutEntries(smallest, list, fails);
    }
    smallest = withZeros(smallest, fails);
  }
  return smallest;
}

/** Everything of a model that is a list of parts. */
function listsOf(bytes: Uint8Array | Model): unknown[][] | undefined {
  const model = bytes instanceof Uint8Array ? parse(bytes) : bytes;
  if (model === undefined) return undefined;
  const { proto } = model;
  const scopes = scopesOf(model).map(({ graph }) => graph);
  return [
    proto.functions, proto.metadataProps, proto.trainingInfo,
    ...scopes.flatMap((graph) => [graph.node, graph.initializer, graph.sparseInitializer, graph.output, graph.input, graph.valueInfo, graph.quantizationAnnotation]),
    ...[...scopes.flatMap(({ node }) => node), ...proto.functions.flatMap(({ node }) => node)].flatMap((node) => [node.attribute, node.input, node.output]),
  ];
}

function withoutEntries(bytes: Uint8Array, list: number, fails: (bytes: Uint8Array) => boolean): Uint8Array {
  let smallest = bytes;
  const length = listsOf(bytes)![list]!.length;
  for (let size = Math.max(1, length >> 1); size >= 1; size >>= 1) {
    for (let at = (listsOf(smallest)?.[list]?.length ?? 0) - size; at >= 0; at -= size) {
      const candidate = changed(smallest, (model) => void listsOf(model)?.[list]?.splice(at, size));
      if (candidate !== undefined && candidate.length < smallest.length && fails(candidate)) smallest = candidate;
    }
  }
  return smallest;
}

function withZeros(bytes: Uint8Array, fails: (bytes: Uint8Array) => boolean): Uint8Array {
  const candidate = changed(bytes, (model) => {
    for (const proto of tensorsOf(model)) {
      if (isExternal(proto) || dtypeOf(proto.dataType) === 'string') continue;
      const { dtype, dims, byteLength } = tensorOf(model, proto);
      setTensor(model, proto, rawTensor(dtype, dims, new Uint8Array(byteLength)));
    }
  });
  return candidate !== undefined && fails(candidate) ? candidate : bytes;
}

function withoutBytes(bytes: Uint8Array, fails: (bytes: Uint8Array) => boolean): Uint8Array {
  let smallest = bytes;
  for (let size = smallest.length >> 1; size >= 1 && parse(smallest) === undefined; size >>= 1) {
    for (let at = 0; at + size <= smallest.length;) {
      const candidate = new Uint8Array(Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]));
      if (fails(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}

function changed(bytes: Uint8Array, change: (model: Model) => void): Uint8Array | undefined {
  const model = parse(bytes);
  if (model === undefined) return undefined;
  try {
    change(model);
    return bytesOf(model);
  } catch {
    return undefined;
  }
}

function parse(bytes: Uint8Array): Model | undefined {
  try {
    return readModel(bytesSource(bytes));
  } catch {
    return undefined;
  }
}
