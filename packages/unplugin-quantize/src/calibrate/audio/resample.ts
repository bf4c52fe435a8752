/** Zero crossings of the filter on each side, and shape of its window: the defaults of scipy.signal.resample_poly. */
const CROSSINGS = 10;
const BETA = 5;

/** Frames of a clip after resampling. */
export function resampledLength(frames: number, from: number, to: number): number {
  const [up, down] = ratioOf(from, to);
  return Math.ceil((frames * up) / down);
}

/**
 * Changes the rate by the ratio of whole numbers up/down: a lowpass at the lower of the two Nyquist frequencies, sinc times a Kaiser window (beta 5) over
 * 10 zero crossings on each side, with a gain of 1 for constant sound. Before and after the clip is silence. Sums are in float64.
 */
export function resample(sound: Float32Array, from: number, to: number): Float32Array {
  const [up, down] = ratioOf(from, to);
  if (up === down) return sound;
  const taps = lowpass(Math.max(up, down), up);
  const half = (taps.length - 1) / 2;
  const out = new Float32Array(resampledLength(sound.length, from, to));
  for (let i = 0; i < out.length; i++) {
    const at = i * down;
    const last = Math.min(sound.length - 1, Math.floor((at + half) / up));
    let sum = 0;
    for (let k = Math.max(0, Math.ceil((at - half) / up)); k <= last; k++) sum += sound[k]! * taps[at - k * up + half]!;
    out[i] = sum;
  }
  return out;
}

/** Both rates without their common factors. */
function ratioOf(from: number, to: number): [up: number, down: number] {
  const factor = commonFactor(from, to);
  return [to / factor, from / factor];
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b);
}

function lowpass(rate: number, gain: number): Float64Array {
  const half = CROSSINGS * rate;
  const taps = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let i = 0; i < taps.length; i++) {
    const x = (i - half) / rate;
    const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - ((i - half) / half) ** 2)));
    taps[i] = (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
    sum += taps[i]!;
  }
  for (let i = 0; i < taps.length; i++) taps[i] = (taps[i]! / sum) * gain;
  return taps;
}

/** Modified Bessel function of the first kind, order 0, by its power series; its constant factor in a window cancels out. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
