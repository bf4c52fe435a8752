import type { Tensor } from '../onnx/index.ts';

/** The elements of a float32 tensor in order, in pieces; each is valid until the next one is taken and is never written to. */
export function* float32Chunks(tensor: Tensor): Generator<Float32Array> {
  for (const chunk of tensor.chunks()) {
    const aligned = chunk.byteOffset % 4 === 0 ? chunk : chunk.slice();
    yield new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  }
}

/** All elements of a float32 tensor, in memory of their own. */
export function wholeFloats(tensor: Tensor): Float32Array {
  const whole = new Float32Array(tensor.byteLength / 4);
  let at = 0;
  for (const values of float32Chunks(tensor)) {
    whole.set(values, at);
    at += values.length;
  }
  return whole;
}

/** A tensor seen as [outer, channels, inner] around its channel axis. */
export interface ChannelLayout {
  readonly channels: number;
  readonly inner: number;
}

/** The layout around `axis`, or one channel of everything for undefined. */
export function channelLayout(dims: readonly number[], axis: number | undefined): ChannelLayout {
  if (axis === undefined) return { channels: 1, inner: dims.reduce((a, b) => a * b, 1) };
  return { channels: dims[axis]!, inner: dims.slice(axis + 1).reduce((a, b) => a * b, 1) };
}

type Visit = (from: number, to: number, channel: number, step: 0 | 1) => void;

/**
 * Walks a tensor that comes in pieces. For each piece it calls `visit` for runs of neighbouring elements: a run lies in one channel
 * when `inner` is above 1 (`step` 0), else it crosses channels one by one (`step` 1). The place is carried from piece to piece, so
 * that no element costs a division.
 */
export function channelWalk({ channels, inner }: ChannelLayout): (length: number, visit: Visit) => void {
  let channel = 0;
  let offset = 0;
  if (inner === 1) {
    return (length, visit) => {
      for (let from = 0; from < length;) {
        const to = Math.min(length, from + channels - channel);
        visit(from, to, channel, 1);
        channel += to - from;
        if (channel === channels) channel = 0;
        from = to;
      }
    };
  }
  return (length, visit) => {
    for (let from = 0; from < length;) {
      const to = Math.min(length, from + inner - offset);
      visit(from, to, channel, 0);
      offset += to - from;
      if (offset === inner) {
        offset = 0;
        channel = channel + 1 === channels ? 0 : channel + 1;
      }
      from = to;
    }
  };
}
