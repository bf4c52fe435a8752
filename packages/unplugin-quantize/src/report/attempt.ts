import type { Attempt } from '../types.ts';
import { formatBytes, formatCosine } from './size.ts';
import { printable } from './text.ts';

/** `int8 with 3 weights in half precision  2.51 MB  cos 0.9981  accuracy 0.8912  breaks accuracyDrop`. */
export function attemptText({ format, half, bytes, cosine, metrics, broken }: Attempt): string {
  const kept = half === undefined ? '' : ` with ${half === 1 ? 'one weight' : `${half} weights`} in half precision`;
  const figures = [...(cosine === null ? [] : [`cos ${formatCosine(cosine)}`]), ...metrics.map(({ name, artefact }) => `${printable(name)} ${Number(artefact.toPrecision(4))}`)];
  return [`${format}${kept}`, formatBytes(bytes), ...figures, broken.length === 0 ? 'holds' : `breaks ${broken.map(printable).join(', ')}`].join('  ');
}
