import { concatBytes, varint } from '../support/wire-format.ts';
import type { Random } from './random.ts';

type ByteMutation = (bytes: Uint8Array, random: Random, other: () => Uint8Array) => Uint8Array;

/** Numbers at which lengths, tags and counts change their meaning. */
const EDGES = [0, 1, 127, 128, 255, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n] as const;

/** A part of a graph, which a reader adds to the graph before it, with subgraphs in subgraphs. */
function nested(depth: number): Uint8Array {
  const prefixes: Uint8Array[] = [];
  let length = 0;
  for (let i = 0; i < depth; i++) {
    // graph.node[].attribute[].g, from the inside out
    for (const no of i === depth - 1 ? [6, 5, 1, 7] : [6, 5, 1]) {
      const prefix = concatBytes([varint(no * 8 + 2), varint(length)]);
      prefixes.push(prefix);
      length += prefix.length;
    }
  }
  return concatBytes(prefixes.reverse());
}

const DEEP = [10, 33, 200, 5000].map(nested);

/** Damage that knows nothing of models: what a bad disk, a bad download or somebody with bad intentions makes of a file. */
const BYTE_MUTATIONS: readonly ByteMutation[] = [
  (bytes, random) => edit(bytes, (copy) => {
    for (let flips = 1 + random.below(8); flips > 0; flips--) copy[random.below(copy.length)]! ^= 1 << random.below(8);
  }),
  (bytes, random) => edit(bytes, (copy) => {
    const at = place(copy, random);
    copy.fill(random.pick([0, 0xff, 0x80, 0x7f, 0x0a]), at, at + 1 + random.below(16));
  }),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => {
    const at = place(bytes, random);
    return concatBytes([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
  },
  (bytes, random) => {
    const at = place(bytes, random);
    return concatBytes([bytes.subarray(0, at), varint(random.pick(EDGES)), bytes.subarray(at)]);
  },
  (bytes, random) => {
    const at = place(bytes, random);
    return concatBytes([bytes.subarray(0, at), varint(random.pick(EDGES)), bytes.subarray(at + 1 + random.below(5))]);
  },
  (bytes, random) => {
    const at = place(bytes, random);
    const piece = bytes.subarray(at, at + 1 + random.below(256));
    const to = place(bytes, random);
    return concatBytes([bytes.subarray(0, to), ...Array.from({ length: 1 + random.below(4) }, () => piece), bytes.subarray(to)]);
  },
  (bytes, random, other) => {
    const donor = other();
    const at = place(donor, random);
    const to = place(bytes, random);
    return concatBytes([bytes.subarray(0, to), donor.subarray(at, at + random.below(512)), bytes.subarray(to)]);
  },
  (bytes, random, other) => concatBytes([bytes.subarray(0, place(bytes, random)), other()]),
  (bytes, random) => concatBytes([bytes, DEEP[random.below(DEEP.length)]!]),
];

/** @param other gives the bytes of another model, for splicing */
export function mutateBytes(bytes: Uint8Array, random: Random, other: () => Uint8Array): Uint8Array {
  let mutant = bytes;
  for (let steps = 1 + random.below(3); steps > 0 && mutant.length > 0; steps--) mutant = random.pick(BYTE_MUTATIONS)(mutant, random, other);
  return mutant;
}

/** Most bytes of a model are weights, in which damage shows nothing: the ends, where the structure is, are preferred. */
function place(bytes: Uint8Array, random: Random): number {
  const near = Math.min(bytes.length, 2048);
  if (random.chance(0.4)) return random.below(near);
  if (random.chance(0.6)) return bytes.length - 1 - random.below(near);
  return random.below(bytes.length);
}

function edit(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}
