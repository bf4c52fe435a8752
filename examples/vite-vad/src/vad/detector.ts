import { Tensor } from 'onnxruntime-common';
import type { InferenceSession } from 'onnxruntime-common';

/** What Silero listens to at once, in samples of 16 kHz: 32 ms, and before them the end of the last ones. */
export const SAMPLE_RATE = 16_000;
export const WINDOW = 512;
const CONTEXT = 64;

/** Hears windows of sound one after the other. */
export interface Detector {
  /** The probability, 0 to 1, that somebody speaks in a window of WINDOW samples. */
  hear(window: Float32Array): Promise<number>;
}

/** The inputs of Silero for a window: sound with its context, the state that the last window left, the sample rate. */
export function vadFeeds(sound: Float32Array, state: Float32Array): Record<'input' | 'state' | 'sr', Tensor> {
  return {
    input: new Tensor('float32', sound, [1, sound.length]),
    state: new Tensor('float32', state, [2, 1, 128]),
    sr: new Tensor('int64', BigInt64Array.of(BigInt(SAMPLE_RATE)), []),
  };
}

/** A detector that starts in silence. */
export function createDetector(session: Pick<InferenceSession, 'run'>): Detector {
  let state: Float32Array = new Float32Array(2 * 128);
  const sound = new Float32Array(CONTEXT + WINDOW);
  return {
    async hear(window) {
      sound.copyWithin(0, WINDOW);
      sound.set(window, CONTEXT);
      const { output, stateN } = await session.run(vadFeeds(sound.slice(), state));
      if (!(output?.data instanceof Float32Array && stateN?.data instanceof Float32Array)) throw new TypeError('The model is not Silero VAD.');
      state = stateN.data;
      return output.data[0] ?? 0;
    },
  };
}
