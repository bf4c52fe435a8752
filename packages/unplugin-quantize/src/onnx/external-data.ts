import { QuantizeError } from '../errors.ts';
import { TensorProto_DataLocation as DataLocation, type TensorProto } from './gen/onnx_pb.ts';
import { checkLocation } from './location.ts';
import type { Model } from './model.ts';
import { rangePayload, type Payload } from './payload.ts';

/** True when a tensor's elements are in a file beside the model. */
export function isExternal(proto: TensorProto): boolean {
  return proto.dataLocation === DataLocation.EXTERNAL;
}

/**
 * The elements of a tensor that are kept in another file (onnx.proto, TensorProto.external_data: location, offset, length).
 *
 * @throws QuantizeError EXTERNAL_DATA_MISSING, EXTERNAL_DATA_OUTSIDE, MODEL_INVALID
 */
export function externalPayload(model: Model, proto: TensorProto): Payload {
  const place = { model: model.name, node: proto.name };
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = checkLocation(entries.get('location'), place);
  if (model.files === undefined) {
    throw new QuantizeError('EXTERNAL_DATA_MISSING', `The model keeps weights in "${location}", which was not given.`, {
      ...place,
      hint: 'Pass the path of the model instead of its bytes, or the files that it refers to.',
    });
  }
  const source = model.files.open(location);
  const offset = integer(entries.get('offset') ?? '0', 'offset', place);
  const length = integer(entries.get('length') ?? String(Math.max(0, source.byteLength - offset)), 'length', place);
  if (offset + length > source.byteLength) {
    throw new QuantizeError('EXTERNAL_DATA_MISSING', `"${location}" has ${source.byteLength} bytes; a tensor needs bytes ${offset} to ${offset + length}.`, {
      ...place,
      hint: 'Model and data file belong to different exports, or the download was cut off: fetch both again.',
    });
  }
  return rangePayload(source, offset, length);
}

/** All locations that the tensors of `protos` refer to, sorted and each once. */
export function externalLocations(protos: Iterable<TensorProto>): string[] {
  const locations = new Set<string>();
  for (const proto of protos) {
    const location = isExternal(proto) ? proto.externalData.find((entry) => entry.key === 'location')?.value : undefined;
    if (location !== undefined) locations.add(location);
  }
  return [...locations].sort();
}

function integer(text: string, key: string, place: { model: string; node: string }): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new QuantizeError('MODEL_INVALID', `The external data of a tensor has the impossible ${key} ${JSON.stringify(text)}.`, place);
  }
  return value;
}
