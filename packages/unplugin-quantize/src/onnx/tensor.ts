import { clearField, create } from '@bufbuild/protobuf';
import { QuantizeError } from '../errors.ts';
import { dtypeCode, dtypeOf, rawByteLength, type DType } from './dtype.ts';
import { externalPayload, isExternal } from './external-data.ts';
import { TensorProtoSchema, type TensorProto } from './gen/onnx_pb.ts';
import type { Model } from './model.ts';
import { bytesPayload, type Payload } from './payload.ts';
import { listedPayload } from './typed-fields.ts';

/** A tensor whose elements are read only when somebody asks. */
export interface Tensor extends Payload {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Size in raw form: little-endian, row-major, elements below 8 bits packed. */
  readonly byteLength: number;
  /** The raw form in order, in pieces of whole 64-bit words; each is valid until the next one is taken. */
  chunks(): Iterable<Uint8Array>;
}

const RAW_DATA = 9;
/** All fields that hold elements or say where they are. */
const ELEMENT_FIELDS = [
  'rawData', 'floatData', 'int32Data', 'int64Data', 'stringData', 'doubleData', 'uint64Data', 'externalData', 'dataLocation', 'payload',
] as const;
/** float_data and double_data are packed little-endian words: the same bytes as raw form. */
const RAW_ALIKE = new Set([4, 9, 10]);

/**
 * The tensor that a TensorProto describes, whichever field or file holds its elements.
 *
 * @throws QuantizeError MODEL_INVALID when type, dims and size do not fit together; EXTERNAL_DATA_* for external data
 */
export function tensorOf(model: Model, proto: TensorProto): Tensor {
  const place = { model: model.name, node: proto.name };
  const dtype = dtypeOf(proto.dataType);
  if (dtype === undefined) throw new QuantizeError('MODEL_INVALID', `A tensor has the unknown element type ${proto.dataType}.`, place);
  const dims = proto.dims.map(Number);
  const byteLength = rawByteLength(dtype, elementCount(dims));
  if (!Number.isSafeInteger(byteLength) || dims.some((dim) => dim < 0)) {
    throw new QuantizeError('MODEL_INVALID', `A tensor has the impossible shape [${dims.join(', ')}].`, place);
  }
  const payload = payloadOf(model, proto, dtype);
  if (dtype !== 'string' && payload.byteLength !== byteLength) {
    throw new QuantizeError('MODEL_INVALID', `A tensor of ${dtype}[${dims.join(', ')}] needs ${byteLength} bytes and has ${payload.byteLength}.`, place);
  }
  return { dtype, dims, byteLength, chunks: () => payload.chunks(), peek: payload.peek };
}

function payloadOf(model: Model, proto: TensorProto, dtype: DType): Payload {
  if (isExternal(proto)) return externalPayload(model, proto);
  const stored = proto.payload > 0 || hasPayload(proto) ? model.payloads[proto.payload] : undefined;
  if (stored !== undefined) return RAW_ALIKE.has(stored.field) ? stored : listedPayload(stored, stored.field, dtype);
  if (proto.rawData.byteLength > 0) return bytesPayload(proto.rawData);
  return listedPayload(proto, undefined, dtype);
}

function hasPayload(proto: TensorProto): boolean {
  return Object.hasOwn(proto, 'payload');
}

/** A TensorProto for a tensor, registered with the model that it will be part of. */
export function tensorProto(model: Model, name: string, tensor: Tensor): TensorProto {
  const proto = create(TensorProtoSchema, { name });
  setTensor(model, proto, tensor);
  return proto;
}

/** Gives a TensorProto of the model other elements, type and dims; its name and everything else stay. */
export function setTensor(model: Model, proto: TensorProto, tensor: Tensor): void {
  clearElements(proto);
  proto.dataType = dtypeCode(tensor.dtype);
  proto.dims = tensor.dims.map(BigInt);
  proto.payload = model.payloads.length;
  const { byteLength, peek } = tensor;
  model.payloads.push({ field: RAW_DATA, byteLength, chunks: () => tensor.chunks(), ...(peek && { peek }) });
}

/** Takes the elements out of a TensorProto, wherever they are; type and dims stay. */
export function clearElements(proto: TensorProto): void {
  for (const field of ELEMENT_FIELDS) clearField(proto, TensorProtoSchema.field[field]);
}

/** A tensor over raw bytes in memory. */
export function rawTensor(dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  return { dtype, dims, ...bytesPayload(bytes) };
}

/** A tensor over a typed array in memory. */
export function arrayTensor(dtype: DType, dims: readonly number[], data: ArrayBufferView): Tensor {
  return rawTensor(dtype, dims, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
