const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.33 MB`: decimal units (1 kB = 1000 B, as Vite prints), two decimals, whole bytes. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // 999.995 would be printed as 1000.00, so it goes to the next unit.
  while (unit < UNITS.length - 1 && value >= (unit === 0 ? 1000 : 999.995)) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${UNITS[unit]}`;
}

/** `−72.0 %`: the change from `before` to `after`, with a sign; empty where `before` is 0. */
export function formatChange(before: number, after: number): string {
  if (before === 0) return '';
  const percent = (after / before - 1) * 100;
  const digits = Math.abs(percent).toFixed(1);
  const sign = digits === '0.0' ? '±' : percent < 0 ? '−' : '+';
  return `${sign}${digits} %`;
}

/** `98.4 %`: a share of 1, rounded down so that only everything is 100 %. */
export function formatShare(share: number): string {
  return `${roundDown(share * 100, 1)} %`;
}

/** `0.9991`: four decimals, rounded down so that a figure never looks better than it is; more where the first four are nines. */
export function formatCosine(cosine: number): string {
  if (cosine === 1) return '1';
  return roundDown(cosine, cosine < 0.9999 ? 4 : cosine < 0.999999 ? 6 : 8);
}

/** Rounds down, but takes back what binary fractions lose: 0.57 * 100 is 56.99999999999999 and means 57. */
function roundDown(value: number, digits: number): string {
  const nearest = value.toFixed(digits);
  return Number(nearest) - value > 1e-13 ? (Number(nearest) - 10 ** -digits).toFixed(digits) : nearest;
}
