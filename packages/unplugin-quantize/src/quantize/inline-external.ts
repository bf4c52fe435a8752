import { tensorsOf } from '../graph/index.ts';
import { isExternal, setTensor, tensorOf, type Model } from '../onnx/index.ts';

/** Makes tensors with external data part of the model, in place and lazily: an artefact is one file. */
export function inlineExternalData(model: Model): Model {
  for (const proto of tensorsOf(model)) {
    if (isExternal(proto)) setTensor(model, proto, tensorOf(model, proto));
  }
  return model;
}
