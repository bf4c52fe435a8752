/** Items one after the other, of which the next can be had made before it is wanted. */
export interface ItemsAhead<T> {
  /** Undefined after the last. */
  next(): Promise<{ item: T } | undefined>;
  /** Lets the next item be made; a failure is told by `next`. */
  prepare(): void;
  /** Ends the source, when what it works on is done. */
  end(): Promise<void>;
}

/** Reads no item before it is asked for, by one call or the other. */
export function itemsAhead<T>(items: AsyncIterable<T> | Iterable<T>): ItemsAhead<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let coming: Promise<{ item: T } | undefined> | undefined;
  let isOver = false;
  const read = async (): Promise<{ item: T } | undefined> => {
    try {
      const { done, value } = await iterator.next();
      isOver = done === true;
      return isOver ? undefined : { item: await value };
    } catch (error) {
      isOver = true;
      throw error;
    }
  };
  return {
    next() {
      const item = coming ?? read();
      coming = undefined;
      return item;
    },
    prepare() {
      coming ??= read();
      // Somebody who never asks must not make a failure an unhandled one.
      coming.catch(() => undefined);
    },
    async end() {
      await coming?.catch(() => undefined);
      if (!isOver) await iterator.return?.();
    },
  };
}
