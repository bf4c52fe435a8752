/** Runs tasks one after the other, in the order in which they came; each caller gets its own task's outcome. */
export type Lane = <T>(task: () => Promise<T>) => Promise<T>;

export function createLane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const done = last.then(task);
    last = done.then(nothing, nothing);
    return done;
  };
}

/** For engines whose calls may overlap. */
export const noLane: Lane = (task) => task();

function nothing(): void {}
