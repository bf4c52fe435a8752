import model from 'ocr-models/ch_ppocr_mobile_v2.0_cls_infer.onnx?quantize';
import { createSession } from 'unplugin-quantize/runtime';
import type { Backend } from 'unplugin-quantize/runtime';
import { lineInput } from './input.ts';

/** Tells which way up lines of text are. */
export interface Direction {
  backend: Backend;
  /** Probability, 0 to 1, that the line in a PNG file stands on its head. */
  upsideDown(png: Buffer): Promise<number>;
  /** Ends the session after the calls under way. */
  close(): Promise<void>;
}

/** Loads the model on the best backend of this machine: CUDA, the CPU, or WebAssembly. */
export async function loadDirection(log: (line: string) => void): Promise<Direction> {
  const session = await createSession(model, { onWarning: log });
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  return {
    backend: session.backend,
    async upsideDown(png) {
      const results = await session.run({ [input]: lineInput(png) });
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new TypeError(`The model's output "${output}" is not float32.`);
      return data[1] ?? 0;
    },
    close: () => session.dispose(),
  };
}
