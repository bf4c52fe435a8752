import { scopesOf } from '../../../packages/unplugin-quantize/src/graph/index.ts';
import { bytesSource, opsetVersion, readModel } from '../../../packages/unplugin-quantize/src/onnx/index.ts';

/** What a model asks of a release: its IR version, its opset and its operators. */
export function signatureOf(bytes: Uint8Array): string {
  const model = readModel(bytesSource(bytes, 'artefact'));
  const operators = scopesOf(model).flatMap(({ graph }) => graph.node.map(({ domain, opType }) => (domain === '' ? opType : `${domain}.${opType}`)));
  return `IR ${model.proto.irVersion}, opset ${opsetVersion(model.proto)}: ${[...new Set(operators)].sort().join(' ')}`;
}
