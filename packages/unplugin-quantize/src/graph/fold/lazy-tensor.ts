import { dtypeOf, elementCount, rawByteLength, tensorOf, type Model, type Tensor, type TensorProto } from '../../onnx/index.ts';

/** The tensor of a TensorProto by its header alone: data, external files included, is opened only when it is read; undefined for unknown types. */
export function lazyTensor(model: Model, proto: TensorProto): Tensor | undefined {
  const dtype = dtypeOf(proto.dataType);
  if (dtype === undefined || dtype === 'string') return undefined;
  const dims = proto.dims.map(Number);
  return { dtype, dims, byteLength: rawByteLength(dtype, elementCount(dims)), chunks: () => tensorOf(model, proto).chunks() };
}
