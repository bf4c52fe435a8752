import { styleText } from 'node:util';
import { QuantizeError } from '../errors.ts';

/** Whether text for this stream may have colours: a terminal that shows them, and no NO_COLOR. */
export function hasColor(stream: NodeJS.WriteStream): boolean {
  return styleText('red', 'x', { stream }) !== 'x';
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Refusals are told in full; anything else is a fault of this program, and its stack is needed to find it. */
export function printError(error: unknown): void {
  const text = error instanceof QuantizeError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${styleText(['red', 'bold'], 'error', { stream: process.stderr })} ${text}\n`);
}
