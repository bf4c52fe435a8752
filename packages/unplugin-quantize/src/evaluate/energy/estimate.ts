import type { EnergyEstimate } from '../../types.ts';
import { arithmeticOf, productsOf, size } from './multiply-adds.ts';
import type { ProfiledNode } from './profile.ts';

/** What the figures rest on; a report shows it beside them. */
export const ENERGY_BASIS =
  'Estimate, not a measurement: operations and bytes of one run in onnxruntime\'s profile times the energies of M. Horowitz, "Computing\'s energy problem (and what we can do about it)", ISSCC 2014, Figure 1.1.9 (45 nm, 0.9 V); weights come from DRAM once a run, activations from a 1 MB cache.';

/** Picojoules of a multiplication and of the addition to its sum; sums of 8-bit products have 32 bits. */
const MULTIPLY_ADD: Record<string, number> = { float32: 3.7 + 0.9, float16: 1.1 + 0.4, int8: 0.2 + 0.1, int32: 3.1 + 0.1 };
/** Of one operation on each element of an output where there are no products. */
const ADD: Record<string, number> = { float32: 0.9, float16: 0.4, int8: 0.03, int32: 0.1 };
/** 64 bits from DRAM take 1.3 to 2.6 nJ, of which the middle is taken; from a cache of 1 MB 100 pJ. */
const DRAM_BYTE = 1950 / 8;
const CACHE_BYTE = 100 / 8;

/** Operators that read as much of their first input as they give. */
const PARTIAL = /^(Gather|Slice|EmbedLayerNorm)/;

/** Energy of one run in picojoules, for comparing two models on one machine and nothing else. */
export function estimateEnergy(nodes: readonly ProfiledNode[]): EnergyEstimate {
  let arithmetic = 0;
  const bytesMoved = { weights: 0, activations: 0 };
  const multiplyAdds = new Map<string, number>();
  for (const node of nodes) {
    const products = productsOf(node);
    if (products === undefined) {
      arithmetic += (size(node.outputs[0]) || 0) * ADD[arithmeticOf(node.outputs[0]?.dtype ?? 'float')]!;
    } else {
      arithmetic += products.count * MULTIPLY_ADD[products.dtype]!;
      multiplyAdds.set(products.dtype, (multiplyAdds.get(products.dtype) ?? 0) + products.count);
    }
    bytesMoved.weights += PARTIAL.test(node.op) ? Math.min(node.weightBytes, node.outputBytes) : node.weightBytes;
    bytesMoved.activations += (PARTIAL.test(node.op) ? Math.min(node.inputBytes, node.outputBytes) : node.inputBytes) + node.outputBytes;
  }
  const sorted = [...multiplyAdds].sort(([a], [b]) => (a < b ? -1 : 1));
  return { arithmetic, memory: bytesMoved.weights * DRAM_BYTE + bytesMoved.activations * CACHE_BYTE, multiplyAdds: Object.fromEntries(sorted), bytesMoved };
}
