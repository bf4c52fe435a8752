import { isExternal, StringStringEntryProtoSchema, create, readPayload, setTensor, tensorOf, TensorProto_DataLocation as DataLocation, rawTensor, type Model, type TensorProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { tensorsOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import type { Random } from './random.ts';
import { EXTERNAL } from './seeds.ts';

export type Mutation = (model: Model, random: Random) => void;

/** Sizes at which arithmetic overflows, rounds or turns negative. */
export const EDGE_DIMS = [0n, 1n, -1n, 2n, 7n, 64n, 4096n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)];
const LOCATIONS = [EXTERNAL.location, '../weights.bin', '/etc/passwd', 'C:\\weights.bin', 'a/../../b', '', '.', 'weights.bin\0', './weights.bin', 'sub\\weights.bin', '__proto__', 'x'.repeat(5000)];
const NUMBERS = ['0', '1', '-1', '4096', '18446744073709551616', '9007199254740993', '1e3', '0x10', ' 7', 'NaN', 'Infinity', ''];
const FLOATS = [NaN, Infinity, -Infinity, 0, -0, 3.4e38, -3.4e38, 1e-45, 65_504, 65_520, 1e30, 2 ** -25];

/** Changes of one tensor: shape, type, place and size of its data. */
const TENSOR_MUTATIONS: readonly ((tensor: TensorProto, model: Model, random: Random) => void)[] = [
  (tensor, _, random) => {
    const at = random.below(tensor.dims.length + 1);
    tensor.dims = [...tensor.dims.slice(0, at), random.pick(EDGE_DIMS), ...tensor.dims.slice(at + random.below(2))];
  },
  (tensor, _, random) => {
    tensor.dims = [...tensor.dims].reverse().slice(random.below(2));
  },
  (tensor, _, random) => {
    tensor.dims = Array.from({ length: random.pick([9, 65, 1000]) }, () => random.pick([1n, 1n, 2n, 0n]));
  },
  (tensor, _, random) => {
    tensor.dataType = random.pick([0, 1, 2, 6, 7, 8, 9, 10, 11, 14, 16, 17, 21, 22, 23, 25, 30, 31, 99, -1, 2 ** 31 - 1]);
  },
  (tensor, model, random) => resize(model, tensor, random.pick([0, 0.5, 0.999, 1.001, 2])),
  (tensor, _, random) => {
    tensor.dataLocation = DataLocation.EXTERNAL;
    const entries = [['location', random.pick(LOCATIONS)], ['offset', random.pick(NUMBERS)], ['length', random.pick(NUMBERS)]].slice(0, 1 + random.below(3));
    tensor.externalData = entries.map(([key, value]) => create(StringStringEntryProtoSchema, { key: key!, value: value! }));
  },
  (tensor, _, random) => {
    tensor.dataLocation = random.pick([DataLocation.DEFAULT, DataLocation.EXTERNAL, 7 as DataLocation]);
  },
  (tensor, model, random) => poison(model, tensor, random),
  (tensor, _, random) => {
    if (random.chance(0.5)) tensor.int32Data = [1, 2, 3];
    else tensor.floatData = Array.from({ length: random.below(4000) }, (__, i) => i);
  },
  (tensor, _, random) => {
    tensor.name = random.pick(['', '__proto__', 'constructor', 'x', 'y', '\0', '\ud800', 'n'.repeat(10_000)]);
  },
];

export const mutateTensor: Mutation = (model, random) => {
  const tensors = [...tensorsOf(model)];
  if (tensors.length > 0) random.pick(TENSOR_MUTATIONS)(random.pick(tensors), model, random);
};

/** Lengthens or shortens the data while type and shape stay. */
function resize(model: Model, tensor: TensorProto, factor: number): void {
  const { dataType, dims } = tensor;
  const bytes = contentOf(model, tensor);
  if (bytes === undefined) return;
  const resized = new Uint8Array(Math.floor(bytes.length * factor));
  resized.set(bytes.subarray(0, resized.length));
  setTensor(model, tensor, rawTensor('uint8', [resized.length], resized));
  tensor.dataType = dataType;
  tensor.dims = dims;
}

/** Puts values into a float32 tensor that no training leaves there. */
function poison(model: Model, tensor: TensorProto, random: Random): void {
  const bytes = tensor.dataType === 1 ? contentOf(model, tensor) : undefined;
  if (bytes === undefined || bytes.length < 4) return;
  const values = new Float32Array(bytes.buffer, 0, bytes.length / 4);
  for (let count = 1 + random.below(4); count > 0; count--) values[random.below(values.length)] = random.pick(FLOATS);
  const { dims } = tensor;
  setTensor(model, tensor, rawTensor('float32', [values.length], bytes));
  tensor.dims = dims;
}

/** The data of a tensor that is still sound; earlier mutations may have broken it. */
function contentOf(model: Model, tensor: TensorProto): Uint8Array | undefined {
  if (isExternal(tensor)) return undefined;
  try {
    return readPayload(tensorOf(model, tensor)).slice();
  } catch {
    return undefined;
  }
}
