/** Requests to a server: a few at a time, none longer than it may take. */
export interface Patience {
  /** @param bytes what the answer or the question carries @throws Error when the server fails or is too slow */
  ask<T>(request: () => Promise<T>, bytes?: number): Promise<T>;
}

/** An answer is quick that takes less than this share of the time it may take. */
const QUICK = 1 / 4;
/** Times of an answer without a quick one after which waiting costs more than it can save. */
const SLOW = 3;

/** @param timeout milliseconds for an answer; transfers have one more for each 1,000 bytes */
export function createPatience(timeout: number, lanes: number, now: () => number = Date.now): Patience {
  const waiting: (() => void)[] = [];
  let free = lanes;
  /** When the first of the answers was asked for that have been slow since the last quick one. */
  let slowSince: number | undefined;

  const enter = (): Promise<void> | undefined => (free-- > 0 ? undefined : new Promise((resolve) => waiting.push(resolve)));
  const leave = (): void => {
    free++;
    waiting.shift()?.();
  };

  return {
    async ask(request, bytes = 0) {
      await enter();
      const started = now();
      const allowed = timeout + bytes / 1000;
      try {
        const answer = await within(allowed, request());
        slowSince = now() - started < allowed * QUICK ? undefined : (slowSince ?? started);
        // Many requests wait at once, and a machine that stands still for a moment makes all of them slow: only time counts.
        if (slowSince !== undefined && now() - slowSince > SLOW * timeout) throw new Error(`all answers of ${Math.round((now() - slowSince) / 1000)} s were slow`);
        return answer;
      } finally {
        leave();
      }
    },
  };
}

/** @throws Error when it takes longer */
export async function within<T>(milliseconds: number, task: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // After a moment in which the machine stood still, an answer that has come meanwhile is read first.
    timer = setTimeout(() => setImmediate(() => reject(new Error(`no answer within ${Math.round(milliseconds)} ms`))), milliseconds);
  });
  // Whichever comes second has nobody who waits for it.
  task.catch(() => undefined);
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
  }
}
