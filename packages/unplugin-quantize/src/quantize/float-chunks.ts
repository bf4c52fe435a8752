import type { Tensor } from '../onnx/index.ts';

/** The elements of a float32 tensor in order, in pieces; each is valid until the next one is taken and is never written to. */
export function* float32Chunks(tensor: Tensor): Generator<Float32Array> {
  for (const chunk of tensor.chunks()) {
    const aligned = chunk.byteOffset % 4 === 0 ? chunk : chunk.slice();
    yield new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  }
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

/**
 * Calls `visit` for runs of neighbouring elements. A run lies in one channel when `inner` is above 1 (`step` 0), else it
 * crosses channels one by one (`step` 1), so that the loop inside a run needs no division.
 */
export function forEachRun(
  length: number, start: number, { channels, inner }: ChannelLayout,
  visit: (from: number, to: number, channel: number, step: 0 | 1) => void,
): void {
  for (let from = 0; from < length;) {
    const position = start + from;
    const channel = Math.floor(position / inner) % channels;
    const rest = inner === 1 ? channels - channel : inner - (position % inner);
    const to = Math.min(length, from + rest);
    visit(from, to, channel, inner === 1 ? 1 : 0);
    from = to;
  }
}
