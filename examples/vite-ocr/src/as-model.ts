import { Tensor } from 'onnxruntime-common';
import type { InferenceSession } from 'onnxruntime-common';
import type { Model } from './ocr/recognise.ts';

/** A session with one float32 input and output as a function; the names differ between versions of PP-OCR. */
export function asModel(session: InferenceSession): Model {
  const [input = ''] = session.inputNames;
  const [output = ''] = session.outputNames;
  return async ({ data, dims }) => {
    const results = await session.run({ [input]: new Tensor('float32', data, dims) });
    const result = results[output];
    if (result === undefined || !(result.data instanceof Float32Array)) {
      throw new TypeError(`The model's output "${output}" is not float32.`);
    }
    return { data: result.data, dims: [...result.dims] };
  };
}
