import detection from 'ocr-models/ch_PP-OCRv4_det_infer.onnx?calibration=calibration/detection.ts&quantize';
import detectionFp32 from 'ocr-models/ch_PP-OCRv4_det_infer.onnx?quantize=none';
import recognition from 'ocr-models/ch_PP-OCRv4_rec_infer.onnx?calibration=calibration/recognition.ts&quantize';
import recognitionFp32 from 'ocr-models/ch_PP-OCRv4_rec_infer.onnx?quantize=none';
import keys from 'ocr-models/ppocr_keys_v1.txt?raw';
import { createSession } from 'unplugin-quantize/runtime';
import type { QuantizeSession } from 'unplugin-quantize/runtime';
import { asModel } from './as-model.ts';
import { readAlphabet } from './ocr/ctc.ts';
import type { Reader } from './ocr/recognise.ts';

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

/**
 * Loads both models, in a browser and in Node alike.
 * @param onProgress gets the bytes of both models together.
 */
export async function loadReader(
  precision: Precision,
  onProgress: (loaded: number, total: number) => void = () => {},
): Promise<LoadedReader> {
  const models = [MODELS[precision].detection, MODELS[precision].recognition] as const;
  const loaded = [0, 0];
  const total = sum(models.map((model) => model.variants[0]?.bytes ?? 0));
  const load = (index: 0 | 1): Promise<QuantizeSession> =>
    createSession(models[index], {
      onProgress: (progress) => {
        loaded[index] = progress.loaded;
        onProgress(sum(loaded), total);
      },
    });
  const [detection, recognition] = await Promise.all([load(0), load(1)]);
  return {
    reader: { detect: asModel(detection), recognise: asModel(recognition), alphabet: readAlphabet(keys) },
    backend: detection.backend,
    bytes: sum(loaded),
    sourceBytes: sum(models.map((model) => model.source.bytes)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
