import type { Tensor, TensorProto } from '../../onnx/index.ts';
import type { BlockLayout } from '../blocks/layout.ts';

/** How an element of a weight is found among the numbers that stand for it. */
export type Order =
  /** Half precision, element by element. */
  | { kind: 'half' }
  /** Integers, element by element, with a scale for each index of an axis or one for all: (q - zero point) * scale. */
  | { kind: 'channels'; axis: number | undefined; zeroPoint: number }
  /** Integers [directions, inputs, units] of a weight [directions, units, inputs], with a scale for each unit. */
  | { kind: 'turned' }
  /** Levels in blocks. `neighbours`: rows of blocks, two 4-bit levels of a byte side by side; `halves`: unpack4.ts. */
  | { kind: 'blocks'; layout: BlockLayout; packing: 'neighbours' | 'halves'; byRows: boolean };

/** The initializers that stand for a weight. */
export interface Storage {
  readonly order: Order;
  readonly values: TensorProto;
  /** float32 or float16; there for everything but half precision. */
  readonly scales?: TensorProto | undefined;
  readonly zeroPoints?: TensorProto | undefined;
}

export interface StoredWeight extends Storage {
  /** The weight as it was when it was rounded: what passes and repairs had made of the source's. */
  readonly original: Tensor;
  /** What its readers are called in the source. */
  readonly nodes: readonly string[];
}
