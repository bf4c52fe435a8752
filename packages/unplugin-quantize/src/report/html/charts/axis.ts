/** Maps values to places of a drawing. */
export interface Axis {
  place(value: number): number;
  ticks: { value: number; label: string }[];
}

/** Round numbers that cut a range into about `count` steps of 1, 2 or 5 times a power of ten. */
export function roundTicks(from: number, to: number, count: number): number[] {
  const step = roundStep((to - from) / count);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  // Multiples are worked out anew, so that no error adds up.
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function roundStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

export interface AxisRange {
  from: number;
  to: number;
  /** Places of both. */
  start: number;
  end: number;
}

export function linearAxis({ from, to, start, end }: AxisRange, label: (value: number) => string, count = 5): Axis {
  const scale = to === from ? 0 : (end - start) / (to - from);
  return { place: (value) => start + (value - from) * scale, ticks: roundTicks(from, to, count).map((value) => ({ value, label: label(value) })) };
}

/** Smallest distance from 1 that the axis of similarities shows; nearer ones stand at its end. */
const NEAREST = 1e-10;

/**
 * An axis of similarities up to 1 on which 0.9, 0.99, 0.999 are equally far apart: a place is the logarithm of what lacks to 1.
 *
 * @param lowest the smallest value that has to be on it
 * @param highest the largest one that is not 1
 */
export function similarityAxis(lowest: number, highest: number, start: number, end: number): Axis {
  const lack = (value: number): number => Math.log10(Math.max(NEAREST, Math.min(2, 1 - value)));
  // Zero and less stand at the beginning.
  const worst = Math.max(-8, Math.min(0, Math.ceil(lack(lowest) - 1e-9)));
  // One step is left for 1 itself, which has no logarithm.
  const best = Math.max(-9, Math.min(worst - 1, Math.floor(lack(highest) + 1e-9)));
  const steps = worst - best + 1;
  const height = (end - start) / steps;
  const ticks = Array.from({ length: steps }, (_, i) => worst - i).map((power) => {
    const value = 1 - 10 ** power;
    return { value, label: value.toFixed(-power) };
  });
  return {
    place: (value) => (value >= 1 - NEAREST ? end : start + Math.max(0, Math.min(steps - 0.4, worst - lack(value))) * height),
    ticks: [...ticks, { value: 1, label: '1' }],
  };
}

/** Room above the highest figure for what is exact and has none. */
const EXACT = 12;

/** An axis of decibels at whose end stands what is exact: infinity. */
export function decibelAxis(lowest: number, highest: number, start: number, end: number): Axis {
  const top = highest + EXACT;
  const axis = linearAxis({ from: Math.min(0, lowest), to: top, start, end }, (value) => `${value} dB`);
  return {
    place: (value) => (value === Infinity ? end : axis.place(value)),
    ticks: [...axis.ticks.filter(({ value }) => value <= highest + EXACT / 3), { value: Infinity, label: 'exact' }],
  };
}
