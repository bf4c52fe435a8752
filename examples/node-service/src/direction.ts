import model from 'ocr-models/ch_ppocr_mobile_v2.0_cls_infer.onnx?quantize';
import { createSession } from 'unplugin-quantize/runtime';
import type { Backend, BatchOptions } from 'unplugin-quantize/runtime';
import { lineInput } from './input.ts';

/** Tells which way up lines of text are. */
export interface Direction {
  backend: Backend;
  /**
   * Probability, 0 to 1, that the line in a PNG file stands on its head.
   *
   * @param signal ends the wait of a client that has gone
   * @throws RuntimeError QUEUE_FULL; NotAPicture
   */
  upsideDown(png: Buffer, signal: AbortSignal): Promise<number>;
  /** Ends the session after the calls under way. */
  close(): Promise<void>;
}

export interface Load {
  /** Lines that are looked at together; undefined: one by one. */
  batch: BatchOptions | undefined;
  /** Lines that may wait. */
  maxQueue: number;
}

/** Loads the model on the best backend of this machine: CUDA, the CPU, or WebAssembly. */
export async function loadDirection(load: Load, log: (line: string) => void): Promise<Direction> {
  const session = await createSession(model, { ...load, onWarning: log });
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  return {
    backend: session.backend,
    async upsideDown(png, signal) {
      const results = await session.run({ [input]: lineInput(png) }, { signal });
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new TypeError(`The model's output "${output}" is not float32.`);
      return data[1] ?? 0;
    },
    close: () => session.dispose(),
  };
}
