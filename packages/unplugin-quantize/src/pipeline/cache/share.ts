/** Gives callers who ask for the same thing at the same time one run of it. Failures are not kept. */
export function createShare(): <T>(key: string, task: () => Promise<T>) => Promise<T> {
  const running = new Map<string, Promise<unknown>>();
  return <T>(key: string, task: () => Promise<T>): Promise<T> => {
    const present = running.get(key);
    if (present !== undefined) return present as Promise<T>;
    const promise = task().finally(() => running.delete(key));
    running.set(key, promise);
    return promise;
  };
}
