import { styleText } from 'node:util';
import { QuantizeError } from '../errors.ts';
import { annotateError, annotateWarning } from '../pipeline/github-actions.ts';

/** Whether text for this stream may have colours: a terminal that shows them, and no NO_COLOR. */
export function hasColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors();
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Refusals are told in full; anything else is a fault of this program, and its stack is needed to find it. */
export function printError(error: unknown): void {
  const text = error instanceof QuantizeError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const label = hasColor(process.stderr) ? styleText(['red', 'bold'], 'error', { validateStream: false }) : 'error';
  process.stderr.write(`${label} ${text}\n`);
  annotateError(error);
}

export function printWarning(message: string): void {
  const label = hasColor(process.stderr) ? styleText(['yellow', 'bold'], 'warning', { validateStream: false }) : 'warning';
  process.stderr.write(`${label} ${message}\n`);
  annotateWarning(message);
}
