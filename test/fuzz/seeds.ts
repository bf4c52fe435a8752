import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { arrayTensor, create, FunctionProtoSchema, NodeProtoSchema, rawTensor, readPayload, TensorProto_DataLocation as DataLocation, TensorProtoSchema, writeModel, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildBytes, buildGraph, buildModel, constantNode, floats, inlineTensor, ints, ramp, rawBool } from '../support/build-model.ts';

const node = makeNode;

/** Where the seed with external data keeps it. */
export const EXTERNAL = { location: 'weights.bin', bytes: new Uint8Array(64 * 96 * 4) };

/** The bytes of a model's file. */
export function bytesOf(model: Model): Uint8Array {
  return readPayload(writeModel(model));
}

/** Small models that between them reach every scheme and pass; mutants are made of them. */
export const SEEDS: Record<string, () => Uint8Array> = {
  products: () => buildBytes({
    nodes: [
      node('MatMul', ['x', 'w'], ['a'], {}, { name: 'product' }), node('Add', ['a', 'bias'], ['b']), node('Relu', ['b'], ['c']),
      node('Gemm', ['c', 'g', 'h'], ['d'], { transB: 1n }), node('Softmax', ['d'], ['y']),
    ],
    initializers: { w: ramp([64, 96]), bias: ramp([96]), g: ramp([48, 96]), h: ramp([48]) },
    inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32[N,48]' }, valueInfo: { a: 'float32[N,96]' },
  }),
  image: () => buildBytes({
    opset: 11,
    nodes: [
      node('Conv', ['x', 'w', 'b'], ['a'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      node('BatchNormalization', ['a', 's', 'b', 'b', 's'], ['n']), node('Clip', ['n', 'low', 'high'], ['c']),
      node('Resize', ['c', '', 'scales'], ['r']), node('GlobalAveragePool', ['r'], ['p']), node('Flatten', ['p'], ['f']),
      node('Gemm', ['f', 'g', 'h'], ['y'], { alpha: { float: 0.5 } }),
    ],
    initializers: {
      w: ramp([32, 8, 3, 3]), s: ramp([32]), b: ramp([32]), low: floats([], [0]), high: floats([], [6]), scales: floats([4], [1, 1, 2, 2]),
      g: ramp([32, 40]), h: ramp([40]),
    },
    inputs: { x: 'float32[1,8,H,W]' }, outputs: { y: 'float32[1,40]' },
  }),
  words: () => buildBytes({
    nodes: [
      node('Gather', ['table', 'ids'], ['e']), node('Transpose', ['table'], ['t'], { perm: [1, 0] }), node('ReduceMean', ['e'], ['m'], { axes: [-1] }),
      node('Sub', ['e', 'm'], ['d']), node('MatMul', ['d', 't'], ['s']), node('Where', ['mask', 's', 'least'], ['y']),
    ],
    initializers: { table: ramp([128, 64]), least: floats([], [-3.4e38]) },
    inputs: { ids: 'int64[B,S]', mask: 'bool[B,S,128]' }, outputs: { y: 'float32[B,S,128]' },
  }),
  recurrent: () => buildBytes({
    nodes: [
      node('LSTM', ['x', 'w', 'r', 'b'], ['y', '', ''], { hidden_size: 16n }), node('GRU', ['x', 'gw', 'gr'], ['z'], { hidden_size: 16n, linear_before_reset: 1n }),
    ],
    initializers: { w: ramp([1, 64, 24]), r: ramp([1, 64, 16]), b: ramp([1, 128]), gw: ramp([1, 48, 24]), gr: ramp([1, 48, 16]) },
    inputs: { x: 'float32[S,B,24]' }, outputs: { y: 'float32[S,1,B,16]', z: 'float32[S,1,B,16]' },
  }),
  control: () => buildBytes({
    nodes: [
      node('If', ['on'], ['a'], {
        then_branch: buildGraph({ nodes: [node('MatMul', ['x', 'w'], ['p'])], outputs: { p: 'float32[N,32]' } }),
        else_branch: buildGraph({ nodes: [node('MatMul', ['x', 'v'], ['p'])], initializers: { v: ramp([64, 32]) }, outputs: { p: 'float32[N,32]' } }),
      }),
      node('Loop', ['times', '', 'a'], ['b'], {
        body: buildGraph({
          inputs: { i: 'int64[]', go: 'bool[]', s: 'float32[N,32]' }, outputs: { go_out: 'bool[]', t: 'float32[N,32]' },
          nodes: [node('Identity', ['go'], ['go_out']), node('MatMul', ['s', 'u'], ['m']), node('Add', ['m', 's'], ['t'])], initializers: { u: ramp([32, 32]) },
        }),
      }),
      node('Scan', ['b', 'x'], ['y', 'trace'], {
        num_scan_inputs: 1n,
        body: buildGraph({
          inputs: { s: 'float32[N,32]', e: 'float32[64]' }, outputs: { t: 'float32[N,32]', o: 'float32[32]' },
          nodes: [node('Identity', ['s'], ['t']), node('MatMul', ['e', 'w'], ['o'])],
        }),
      }),
    ],
    initializers: { w: ramp([64, 32]), times: ints([], [3]) }, inputs: { on: 'bool[]', x: 'float32[N,64]' }, outputs: { y: 'float32[N,32]', trace: 'float32[N,32]' },
  }),
  functions: () => buildBytes({
    domains: { local: 1 },
    functions: [create(FunctionProtoSchema, {
      name: 'Layer', domain: 'local', input: ['a', 'm'], output: ['r'], opsetImport: [{ domain: '', version: 17n }], attribute: ['scale'],
      node: [node('MatMul', ['a', 'm'], ['p']), constantNode('k', ramp([32])), node('Add', ['p', 'k'], ['r'])].map((item) => create(NodeProtoSchema, item)),
    })],
    nodes: [node('Layer', ['x', 'w'], ['h'], { scale: { float: 2 } }, { domain: 'local' }), node('Layer', ['h', 'v'], ['y'], {}, { domain: 'local' })],
    initializers: { w: ramp([64, 32]), v: ramp([32, 32]) }, inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32[N,32]' },
  }),
  shapes: () => buildBytes({
    nodes: [
      constantNode('c', ramp([24, 32])), node('Cast', ['h'], ['hf'], { to: 1n }), node('Concat', ['c', 'hf'], ['w'], { axis: 0n }), node('Split', ['w'], ['p', 'q'], { axis: 0n }),
      node('Transpose', ['q'], ['t'], { perm: [1, 0] }), node('Slice', ['p', 'zero', 'ends'], ['s']), node('Unsqueeze', ['s', 'zero'], ['u']), node('Squeeze', ['u', 'zero'], ['v']),
      node('MatMul', ['x', 'v'], ['m']), node('MatMul', ['m', 't'], ['n']), node('Dropout', ['n', '', 'off'], ['o']), node('Identity', ['o'], ['i']), node('Reshape', ['i', 'shape'], ['y']),
    ],
    initializers: {
      h: rawTensor('float16', [24, 32], new Uint8Array(24 * 32 * 2).fill(0x3c)), zero: ints([1], [0]), ends: ints([1], [16]), off: rawBool(false), shape: ints([2], [-1, 6]),
    },
    inputs: { x: 'float32[N,16]' }, outputs: { y: 'float32[K,6]' },
  }),
  old: () => buildBytes({
    opset: 9, ir: 4,
    nodes: [
      node('Slice', ['x'], ['a'], { starts: [0], ends: [16], axes: [1] }), node('Clip', ['a'], ['b'], { min: { float: 0 }, max: { float: 6 } }), node('Upsample', ['b', 's'], ['c'], { mode: 'nearest' }),
      node('Pad', ['c'], ['d'], { pads: [0, 0, 0, 0] }), node('Softmax', ['d'], ['e']), node('MatMul', ['e', 'w'], ['f']), node('Squeeze', ['f'], ['g'], { axes: [0] }),
      node('TopK', ['g'], ['y', 'z'], { k: 2n }),
    ],
    initializers: { s: floats([2], [1, 2]), w: ramp([32, 64]) }, inputs: { x: 'float32[1,20]', w: 'float32[32,64]' }, outputs: { y: 'float32[2]', z: 'int64[2]' },
  }),
  quantized: () => buildBytes({
    nodes: [
      node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']), node('MatMulInteger', ['q', 'w', 'z'], ['i']), node('Cast', ['i'], ['f'], { to: 1n }), node('Mul', ['f', 's'], ['m']),
      node('DequantizeLinear', ['w', 'scale', 'zero'], ['d'], { axis: 1n }), node('MatMul', ['m', 'd'], ['y']),
    ],
    initializers: {
      w: arrayTensor('int8', [48, 48], Int8Array.from({ length: 48 * 48 }, (_, i) => (i % 255) - 127)), scale: ramp([48]), zero: arrayTensor('int8', [48], new Int8Array(48)),
    },
    inputs: { x: 'float32[N,48]' }, outputs: { y: 'float32[N,48]' },
  }),
  listed: listedModel,
  external: externalModel,
};

/** Elements in the fields of single values, sparse and text tensors, half and double precision. */
function listedModel(): Uint8Array {
  const model = buildModel({
    nodes: [node('MatMul', ['x', 'f'], ['a']), node('Mul', ['a', 'i'], ['b']), node('MatMul', ['b', 'sparse'], ['y'])],
    inputs: { x: 'float32[N,40]' }, outputs: { y: 'float32[N,40]' },
  });
  const graph = model.proto.graph!;
  const list = Array.from({ length: 1600 }, (_, i) => (i % 17) - 8);
  graph.initializer.push(
    create(TensorProtoSchema, { name: 'f', dataType: 1, dims: [40n, 40n], floatData: list }),
    create(TensorProtoSchema, { name: 'i', dataType: 1, dims: [], floatData: [2] }),
    create(TensorProtoSchema, { name: 'halves', dataType: 10, dims: [40n, 40n], int32Data: list.map((value) => value + 0x3c00) }),
    create(TensorProtoSchema, { name: 'doubles', dataType: 11, dims: [1600n], doubleData: list }),
    create(TensorProtoSchema, { name: 'text', dataType: 8, dims: [2n], stringData: [new Uint8Array([97]), new Uint8Array(2000)] }),
    create(TensorProtoSchema, { name: 'nibbles', dataType: 22, dims: [5n], int32Data: [1, 2, 3] }),
  );
  graph.sparseInitializer.push({
    $typeName: 'onnx.SparseTensorProto',
    values: inlineTensor('sparse', ramp([3])), indices: inlineTensor('', ints([3], [1, 50, 1599])), dims: [40n, 40n],
  });
  return bytesOf(model);
}

function externalModel(): Uint8Array {
  const model = buildModel({ nodes: [node('MatMul', ['x', 'w'], ['y'])], inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32[N,96]' } });
  const entries = Object.entries({ location: EXTERNAL.location, offset: '0', length: String(EXTERNAL.bytes.length) });
  model.proto.graph!.initializer.push(create(TensorProtoSchema, {
    name: 'w', dataType: 1, dims: [64n, 96n], dataLocation: DataLocation.EXTERNAL, externalData: entries.map(([key, value]) => ({ key, value })),
  }));
  return bytesOf(model);
}
