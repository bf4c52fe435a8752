/** Requests to a server: a few at a time, none longer than it may take. */
export interface Patience {
  /** @param bytes what the answer or the question carries @throws Error when the server fails or is too slow */
  ask<T>(request: () => Promise<T>, bytes?: number): Promise<T>;
}

/** Slow answers in a row after which waiting costs more than it can save. */
const SLOW_ANSWERS = 8;

/** @param timeout milliseconds for an answer; transfers have one more for each 1,000 bytes */
export function createPatience(timeout: number, lanes: number, now: () => number = Date.now): Patience {
  const waiting: (() => void)[] = [];
  let free = lanes;
  let slow = 0;

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
        slow = now() - started > allowed / 4 ? slow + 1 : 0;
        if (slow >= SLOW_ANSWERS) throw new Error(`${SLOW_ANSWERS} answers in a row took longer than ${Math.round(allowed / 4)} ms`);
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
    timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(milliseconds)} ms`)), milliseconds);
  });
  // Whichever comes second has nobody who waits for it.
  task.catch(() => undefined);
  try {
    return await Promise.race([task, late]);
  } finally {
    clearTimeout(timer);
  }
}
