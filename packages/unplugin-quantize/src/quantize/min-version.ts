import { intAttribute, scopesOf } from '../graph/index.ts';
import { opsetVersion, type Model, type NodeProto } from '../onnx/index.ts';

/** The onnxruntime release that first supported each opset of the standard's domain (onnxruntime's "ONNX Runtime compatibility" page). */
const RELEASES: readonly [opset: number, release: string][] = [
  [11, '1.0.0'], [12, '1.3.0'], [13, '1.6.0'], [14, '1.8.0'], [15, '1.9.0'], [16, '1.11.0'],
  [17, '1.12.0'], [18, '1.14.0'], [19, '1.15.0'], [20, '1.17.0'], [21, '1.18.0'], [22, '1.21.0'], [23, '1.23.0'],
];

/**
 * The release that has onnxruntime's own operators which the formats add, in the form in which they are added. Those of the last two
 * were found by running each form in onnxruntime-web 1.17, 1.20, 1.21, 1.22 and 1.23: 8 bits came to WASM a release after the CPU
 * (microsoft/onnxruntime #17890 MatMulNBits, #24384 its 8 bits; #24239 bytes for GatherBlockQuantized, #25214 their zero points and 8 bits).
 */
const OWN_OPERATORS: Record<string, (node: NodeProto) => string> = {
  DynamicQuantizeLSTM: () => '1.8.0',
  MatMulNBits: (node) => (intAttribute(node, 'bits', 4) === 4 ? '1.17.0' : '1.23.0'),
  GatherBlockQuantized: (node) => (intAttribute(node, 'bits', 4) === 4 && node.input.length < 4 ? '1.22.0' : '1.23.0'),
};

/** The oldest onnxruntime release that runs a model, by its opset and by the operators of onnxruntime's own that it has. */
export function minOnnxruntime(model: Model): string {
  const opset = opsetVersion(model.proto) ?? 0;
  const needed = [RELEASES.find(([version]) => version >= opset)?.[1] ?? RELEASES.at(-1)![1]];
  for (const { graph } of scopesOf(model)) {
    for (const node of graph.node) {
      const { domain, opType } = node;
      const release = domain === 'com.microsoft' && Object.hasOwn(OWN_OPERATORS, opType) ? OWN_OPERATORS[opType] : undefined;
      if (release !== undefined) needed.push(release(node));
    }
  }
  return needed.reduce((a, b) => (isNewer(b, a) ? b : a));
}

function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((release) => release.split('.').map(Number));
  const at = left!.findIndex((part, i) => part !== right![i]);
  return at >= 0 && left![at]! > right![at]!;
}
