import { isGateError } from '../errors.ts';
import { parseCommandLine } from './parse.ts';
import { printError } from './print.ts';

/** What a shell gets to see. */
export const EXIT = { held: 0, budgetBroken: 1, badInput: 2 } as const;

/**
 * Runs the command line and returns the exit code; errors are printed, never thrown.
 *
 * @param argv as in process.argv, with two entries before the arguments
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  try {
    await parseCommandLine(argv)?.();
    return EXIT.held;
  } catch (error) {
    printError(error);
    return isGateError(error) ? EXIT.budgetBroken : EXIT.badInput;
  }
}
