import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { dtypeOf, opsetVersion, rawTensor, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { inlineTensor, ints, ramp, valueInfo } from '../support/build-model.ts';
import { bytesOf } from '../support/run-model.ts';
import type { RunnableTest, Value } from './cases.ts';
import { ENOUGH_ELEMENTS, fixInputs, parseTest, product, repeated, type Variant } from './variant-parts.ts';

/** The output of the product that `withBallast` adds. */
export const BALLAST = 'ballast_product';
const ballast = [inlineTensor('ballast', ramp([128, ENOUGH_ELEMENTS / 128])), inlineTensor('ballast_row', ramp([1, 128]))];

/**
 * Inputs behind the first become initializers where they are float32, and a product with a large matrix is added on the side, so that
 * every format makes the file smaller and the node is rewritten however small its own weights are.
 */
export function withBallast(test: RunnableTest): Variant {
  const model = parseTest(test);
  const feeds = fixInputs(model, test, behindFirst(model));
  const graph = model.proto.graph!;
  graph.initializer.push(...ballast);
  graph.node.push(makeNode('MatMul', ['ballast_row', 'ballast'], [BALLAST]));
  graph.output.push(valueInfo(BALLAST, 'float32'));
  return { name: `${test.name} with ballast`, model: bytesOf(model), feeds };
}

/**
 * The same inputs become slices of large initializers; undefined where there is no such input, or Slice takes none. Where a slice starts is fed, so
 * that no tool can take it beforehand.
 */
export function withSlices(test: RunnableTest): Variant | undefined {
  const model = parseTest(test);
  const names = behindFirst(model).filter((name) => isWide(test.inputs[name]));
  if (names.length === 0 || (opsetVersion(model.proto) ?? 0) < 10) return undefined;
  const feeds = fixInputs(model, test, names);
  const graph = model.proto.graph!;
  const slices = graph.initializer.filter(({ name }) => names.includes(name)).map((proto) => {
    const { dims, elements } = test.inputs[proto.name]!;
    const [rows] = dims as [number];
    const copies = Math.ceil(ENOUGH_ELEMENTS / product(dims));
    graph.initializer[graph.initializer.indexOf(proto)] = inlineTensor(`${proto.name}_large`, rawTensor('float32', [rows * copies, ...dims.slice(1)], repeated(elements as Uint8Array, copies)));
    return makeNode('Slice', [`${proto.name}_large`, START, `${proto.name}_rows`], [proto.name]);
  });
  graph.input.push(valueInfo(START, 'int64[1]'));
  graph.initializer.push(...names.map((name) => inlineTensor(`${name}_rows`, ints([1], [test.inputs[name]!.dims[0]!]))));
  graph.node.unshift(...slices);
  return { name: `${test.name} with slices`, model: bytesOf(model), feeds: { ...feeds, [START]: { dtype: 'int64', dims: [1], elements: new Uint8Array(8) } } };
}

const START = 'slice_start';

/** Names of the float32 tensor inputs behind the first. */
function behindFirst(model: Model): string[] {
  return model.proto.graph!.input.slice(1).filter(({ type }) => type?.value.case === 'tensorType' && dtypeOf(type.value.value.elemType) === 'float32').map(({ name }) => name);
}

function isWide(value: Value | undefined): boolean {
  return value !== undefined && value.dims.length > 0 && product(value.dims) > 0;
}
