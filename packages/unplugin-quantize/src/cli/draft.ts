import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { removeDraft, temporaryName, writeFailed } from '../pipeline/cache/write-file.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Gives `use` a new folder beside `target` for files that go from there to their places by a rename; it is removed, also when the user interrupts. */
export async function withDraft<T>(target: string, use: (folder: string) => Promise<T>): Promise<T> {
  const draft = temporaryName(target);
  const interrupt = (signal: (typeof SIGNALS)[number]): void => {
    removeDraft(draft);
    // The shell's own code for a program that was ended by a signal.
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    makeFolder(draft, target);
    return await use(draft);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
    removeDraft(draft);
  }
}

function makeFolder(draft: string, target: string): void {
  try {
    mkdirSync(draft);
  } catch (cause) {
    throw writeFailed(dirname(target), cause);
  }
}
