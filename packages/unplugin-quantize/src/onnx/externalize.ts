import { create } from '@bufbuild/protobuf';
import { clearElements, tensorOf, type Tensor } from './tensor.ts';
import { StringStringEntryProtoSchema, TensorProto_DataLocation as DataLocation, type TensorProto } from './gen/onnx_pb.ts';
import type { Model } from './model.ts';
import type { Payload } from './payload.ts';

/** Tensors start at multiples of this many bytes, so that engines can map the file and read whole words. */
const ALIGNMENT = 64;

/**
 * Moves the elements of tensors into a file beside the model, as models of 2 GiB and more need (onnx.proto, TensorProto.external_data).
 * The tensors refer to `location` afterwards; the result is the file's content, computed while it is read.
 *
 * @param protos tensors of the model, in the order in which they are written
 * @param location file name relative to the model's folder
 * @param minBytes smaller tensors stay inside the model
 */
export function externalizeData(model: Model, protos: Iterable<TensorProto>, location: string, minBytes = 1024): Payload {
  const moved: { tensor: Tensor; padding: number }[] = [];
  let offset = 0;
  for (const proto of protos) {
    const tensor = tensorOf(model, proto);
    if (tensor.dtype === 'string' || tensor.byteLength < minBytes) continue;
    const padding = (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;
    offset += padding;
    clearElements(proto);
    proto.dataLocation = DataLocation.EXTERNAL;
    const entries = { location, offset: String(offset), length: String(tensor.byteLength) };
    proto.externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
    moved.push({ tensor, padding });
    offset += tensor.byteLength;
  }
  return {
    byteLength: offset,
    *chunks() {
      for (const { tensor, padding } of moved) {
        if (padding > 0) yield new Uint8Array(padding);
        yield* tensor.chunks();
      }
    },
  };
}
