import { askPython } from './python.mjs';

/**
 * Runs two commands in turn, A B A B, after one warm-up each. Figures are medians of whole processes: wall seconds and the peak
 * resident set of the largest process in MB; ratios are medians of A/B pair by pair.
 */
export function measurePair(ours, peer, runs = 5) {
  return askPython('measure.py', JSON.stringify({ a: ours, b: peer, runs }));
}
