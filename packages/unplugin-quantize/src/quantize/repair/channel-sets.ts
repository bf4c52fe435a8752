/**
 * Channels of activations that have to be scaled alike, because an Add joins them or one is the other's image: disjoint sets with union by
 * the smaller number, so that results do not depend on the order of joins.
 */
export interface ChannelSets {
  /** Numbers for `count` channels of their own. */
  fresh(count: number): Int32Array;
  /** Makes channels of two values the same, one by one. */
  join(a: Int32Array, b: Int32Array): void;
  /** Channels that must keep their values, with all that were or will be joined to them. */
  pin(ids: Int32Array): void;
  /** The number that stands for all joined channels. */
  root(id: number): number;
  isPinned(id: number): boolean;
  /** How many numbers were given out. */
  size(): number;
}

export function createChannelSets(): ChannelSets {
  const parents: number[] = [];
  const pinned: boolean[] = [];
  const root = (id: number): number => {
    let top = id;
    while (parents[top] !== top) top = parents[top]!;
    for (let at = id; parents[at] !== top;) {
      const next = parents[at]!;
      parents[at] = top;
      at = next;
    }
    return top;
  };
  return {
    fresh(count) {
      const first = parents.length;
      for (let i = 0; i < count; i++) {
        parents.push(first + i);
        pinned.push(false);
      }
      return Int32Array.from({ length: count }, (_, i) => first + i);
    },
    join(a, b) {
      for (let i = 0; i < a.length; i++) {
        const [left, right] = [root(a[i]!), root(b[i]!)];
        const [kept, gone] = left < right ? [left, right] : [right, left];
        parents[gone] = kept;
        if (pinned[gone] === true) pinned[kept] = true;
      }
    },
    pin(ids) {
      for (const id of ids) pinned[root(id)] = true;
    },
    root,
    isPinned: (id) => pinned[root(id)]!,
    size: () => parents.length,
  };
}
