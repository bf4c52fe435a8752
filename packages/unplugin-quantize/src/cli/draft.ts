import { constants } from 'node:os';
import { removeDraft, temporaryName } from '../pipeline/write-file.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Gives `use` a name for a file that becomes `target` by a rename; what is left of it is removed, also when the user interrupts. */
export async function withDraft<T>(target: string, use: (draft: string) => Promise<T>): Promise<T> {
  const draft = temporaryName(target);
  const interrupt = (signal: (typeof SIGNALS)[number]): void => {
    removeDraft(draft);
    // The shell's own code for a program that was ended by a signal.
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await use(draft);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    removeDraft(draft);
  }
}
