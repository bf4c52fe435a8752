import { intAttribute, scopesOf } from '../graph/index.ts';
import { dtypeOf, opsetVersion, sameDomain, type Model, type NodeProto } from '../onnx/index.ts';

type Releases = readonly (readonly [version: number, release: string])[];

/**
 * The release that first ran models of each opset of the standard's domain, and of each IR version. From 1.11 on they were found by running
 * small models in the releases of onnxruntime-node and onnxruntime-web (test/reference/releases); before, onnxruntime's "Compatibility" page
 * is the source. 1.15 reads opset 19 but lacks kernels of it.
 */
const OPSETS: Releases = [
  [11, '1.0.0'], [12, '1.3.0'], [13, '1.6.0'], [14, '1.8.0'], [15, '1.9.0'], [16, '1.11.0'],
  [17, '1.12.0'], [18, '1.14.0'], [19, '1.16.0'], [20, '1.17.0'], [21, '1.18.0'], [22, '1.21.0'], [23, '1.23.0'], [25, '1.24.1'],
];
const IR_VERSIONS: Releases = [[6, '1.0.0'], [7, '1.3.0'], [8, '1.9.0'], [9, '1.15.0'], [10, '1.18.0'], [11, '1.23.0'], [13, '1.24.1']];

interface Facts {
  /** Names of initializers and of what is computed of them alone. */
  constants: ReadonlySet<string>;
  /** Names of float16 initializers. */
  halves: ReadonlySet<string>;
}

/** The release that an operator needs in the form in which formats add it; undefined where the opset's will do. */
type Need = (node: NodeProto, facts: Facts) => string | undefined;

/** In WASM 8 bits came a release after the CPU (microsoft/onnxruntime #17890 MatMulNBits, #24384 its 8 bits; #24239 bytes for GatherBlockQuantized, #25214 their zero points and 8 bits). */
const OWN_OPERATORS: Record<string, Need> = {
  DynamicQuantizeLSTM: () => '1.8.0',
  MatMulNBits: (node) => (intAttribute(node, 'bits', 4) === 4 ? '1.17.0' : '1.23.0'),
  GatherBlockQuantized: (node) => (intAttribute(node, 'bits', 4) === 4 && node.input.length < 4 ? '1.22.0' : '1.23.0'),
};
const OPERATORS: Record<string, Need> = {
  // Rows of an embedding that are unpacked in every run: releases before take the Cast to int8 behind it away, and with it the sign.
  BitShift: (node, { constants }) => (node.input.every((name) => constants.has(name)) ? undefined : '1.17.0'),
  // 1.14 dies of a half-precision Conv in newer opsets.
  Conv: (node, { halves }) => (halves.has(node.input[1]!) ? '1.15.0' : undefined),
};

/** The oldest onnxruntime release that runs a model, by its versions and by the operators that formats add. */
export function minOnnxruntime(model: Model): string {
  const needed = [releaseOf(OPSETS, opsetVersion(model.proto) ?? 0), releaseOf(IR_VERSIONS, Number(model.proto.irVersion))];
  const [constants, halves] = [new Set<string>(), new Set<string>()];
  for (const { graph } of scopesOf(model)) {
    for (const { name, dataType } of graph.initializer) {
      constants.add(name);
      if (dtypeOf(dataType) === 'float16') halves.add(name);
    }
    for (const node of graph.node) {
      const release = needOf(node)?.(node, { constants, halves });
      if (release !== undefined) needed.push(release);
      if (node.input.length > 0 && node.input.every((name) => constants.has(name))) for (const name of node.output) constants.add(name);
    }
  }
  return needed.reduce((a, b) => (isNewer(b, a) ? b : a));
}

function needOf({ domain, opType }: NodeProto): Need | undefined {
  const table = sameDomain(domain, '') ? OPERATORS : domain === 'com.microsoft' ? OWN_OPERATORS : {};
  return Object.hasOwn(table, opType) ? table[opType] : undefined;
}

/** Of versions beyond the table nothing is known but that they need the newest release of it. */
function releaseOf(releases: Releases, version: number): string {
  return (releases.find(([newest]) => newest >= version) ?? releases.at(-1)!)[1];
}

/** True when release `a` came after `b`; both as `1.17.0`. */
export function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((release) => release.split('.').map(Number));
  const at = left!.findIndex((part, i) => part !== right![i]);
  return at >= 0 && left![at]! > right![at]!;
}
