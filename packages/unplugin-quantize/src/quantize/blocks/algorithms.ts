import type { BlockAlgorithm } from '../../options.ts';
import type { MakeQuantizer } from './block-code.ts';
import { hqqQuantizer } from './hqq.ts';
import { kQuantizer } from './k-quant.ts';
import { rtnQuantizer } from './rtn.ts';
import { searchQuantizer } from './search.ts';

/** How the range of a block is chosen, by the value of the option `algorithm`. */
export const ALGORITHMS: Record<BlockAlgorithm, MakeQuantizer> = {
  'rtn': rtnQuantizer,
  'search': searchQuantizer,
  'hqq': hqqQuantizer,
  'k-quant': kQuantizer,
  // It spreads the errors of another algorithm's blocks over later weights (gptq/feedback.ts).
  'gptq': searchQuantizer,
};
