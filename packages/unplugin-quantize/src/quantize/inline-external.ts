import { tensorsOf } from '../graph/index.ts';
import { isExternal, tensorOf, tensorProto, TensorProto_DataLocation as DataLocation, type Model } from '../onnx/index.ts';

/** Makes tensors with external data part of the model, in place and lazily: an artefact is one file. */
export function inlineExternalData(model: Model): Model {
  for (const proto of tensorsOf(model)) {
    if (!isExternal(proto)) continue;
    proto.payload = tensorProto(model, proto.name, tensorOf(model, proto)).payload;
    proto.externalData = [];
    proto.dataLocation = DataLocation.DEFAULT;
  }
  return model;
}
