import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup.mjs';
import { askPython } from './python.mjs';

/**
 * Runs two commands in turn, A B A B, after one warm-up each. Figures are medians of whole processes: wall seconds and the peak
 * resident set of the largest process in MB; ratios are medians of A/B pair by pair.
 *
 * @param peer left out where there is nothing to compare with; figures of A alone then
 */
export function measurePair(ours, peer, runs = 5) {
  return askPython('measure.py', JSON.stringify({ a: ours, b: peer, runs }));
}

/** Peak RSS in MB of a process that makes a session from a file's bytes; the median of three. */
export function peakMemory(engine, file) {
  const runs = Array.from({ length: 3 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'bench/lib/session-memory.mjs'), engine, file], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`No session of ${file}:\n${stderr}`);
    return JSON.parse(stdout).rss;
  });
  return runs.sort((a, b) => a - b)[1];
}
