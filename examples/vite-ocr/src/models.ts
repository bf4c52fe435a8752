import detection from 'ocr-models/ch_PP-OCRv4_det_infer.onnx?quantize';
import detectionFp32 from 'ocr-models/ch_PP-OCRv4_det_infer.onnx?quantize=none';
import recognition from 'ocr-models/ch_PP-OCRv4_rec_infer.onnx?quantize';
import recognitionFp32 from 'ocr-models/ch_PP-OCRv4_rec_infer.onnx?quantize=none';
import keys from 'ocr-models/ppocr_keys_v1.txt?raw';
import { Tensor } from 'onnxruntime-common';
import { createSession } from 'unplugin-quantize/runtime';
import { readAlphabet } from './ocr/ctc.ts';
import type { Model, Reader } from './ocr/recognise.ts';

export type Precision = 'quantized' | 'fp32';

/** A reader that is ready, and what it took. */
export interface LoadedReader {
  reader: Reader;
  /** Where the models run: `wasm`, `cpu`... */
  backend: string;
  /** Bytes of the model files that were loaded, and of the files that they were made from. */
  bytes: number;
  sourceBytes: number;
}

/** An import holds URLs and figures; a model's bytes are fetched by `createSession` only. */
const MODELS = {
  quantized: { detection, recognition },
  fp32: { detection: detectionFp32, recognition: recognitionFp32 },
};

type Session = Awaited<ReturnType<typeof createSession>>;

/**
 * Loads both models, in a browser and in Node alike.
 * @param onProgress gets the bytes of both models together.
 */
export async function loadReader(
  precision: Precision,
  onProgress: (loaded: number, total: number) => void = () => {},
): Promise<LoadedReader> {
  const models = [MODELS[precision].detection, MODELS[precision].recognition] as const;
  const progress = models.map(() => ({ loaded: 0, total: 0 }));
  const sum = (key: 'loaded' | 'total'): number => progress.reduce((bytes, one) => bytes + one[key], 0);
  const load = (index: 0 | 1): Promise<Session> =>
    createSession(models[index], {
      onProgress: ({ loaded, total }) => {
        progress[index] = { loaded, total };
        onProgress(sum('loaded'), sum('total'));
      },
    });
  const [detection, recognition] = await Promise.all([load(0), load(1)]);
  return {
    reader: { detect: asModel(detection), recognise: asModel(recognition), alphabet: readAlphabet(keys) },
    backend: detection.backend,
    bytes: detection.variant.bytes + recognition.variant.bytes,
    sourceBytes: models[0].source.bytes + models[1].source.bytes,
  };
}

/** Both models have one input and one output; their names differ between versions. */
function asModel(session: Session): Model {
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
