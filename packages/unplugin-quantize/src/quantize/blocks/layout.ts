import type { BlockType } from './block-code.ts';

/** Weights with fewer elements are not packed in blocks: the file would hardly shrink. */
export const MIN_BLOCK_ELEMENTS = 4096;

/**
 * A weight seen as [outer, length, inner] with blocks along `length`: a MatMul's [K, N] is [1, K, N], an embedding's
 * [rows, columns] is [rows, columns, 1].
 */
export interface BlockLayout extends BlockType {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  /** Elements of a block; the last one of a vector may have fewer. */
  readonly size: number;
}

/** Where the levels of a block go in the packed bytes. */
export interface Packing {
  byteLength: number;
  /** Writes one block: `outer` and `inner` say which vector, `index` which block of it. */
  put(bytes: Uint8Array, levels: Uint8Array, outer: number, index: number, inner: number): void;
  /** Position of a block's scale and zero point in theirs. */
  scaleAt(outer: number, index: number, inner: number): number;
}

export function blockCount({ outer, length, inner, size }: BlockLayout): number {
  return outer * Math.ceil(length / size) * inner;
}

/** Bytes of the levels of one whole block. */
export function blockBytes({ size, bits }: Pick<BlockLayout, 'size' | 'bits'>): number {
  return (size * bits) / 8;
}
