/** What a process would leave behind if it ended now. */
const pending = new Set<() => void>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a synchronous clean-up when the process exits or is interrupted before the returned function is called. Where somebody else listens
 * to the signal, it is theirs to say whether the process ends.
 */
export function onInterrupt(cleanUp: () => void): () => void {
  if (pending.size === 0) listen();
  pending.add(cleanUp);
  return () => {
    pending.delete(cleanUp);
    if (pending.size === 0) unlisten();
  };
}

function listen(): void {
  process.on('exit', cleanAll);
  for (const signal of SIGNALS) process.on(signal, interrupt);
}

function unlisten(): void {
  process.off('exit', cleanAll);
  for (const signal of SIGNALS) process.off(signal, interrupt);
}

function interrupt(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  cleanAll();
  unlisten();
  // Nobody listens any more: it ends as it would have ended, with the signal as its reason.
  process.kill(process.pid, signal);
}

function cleanAll(): void {
  for (const cleanUp of pending) cleanUp();
  pending.clear();
}
