import type { Attempt, ModelReport } from '../types.ts';
import type { RemoteCounts } from './remote/client.ts';

/** What the pipeline tells while it works; the plugin and the command line turn it into lines. */
export type PipelineEvent =
  | { kind: 'warning'; message: string }
  /** The artefacts of a model of which one breaks its budget; the error follows. */
  | { kind: 'broken'; reports: readonly ModelReport[] }
  /** A step that takes time has begun; a hit in the cache has none. */
  | { kind: 'step'; model: string; step: 'calibrate' | 'quantize' | 'measure' | 'latency' | 'sensitivity' }
  /**
   * How far a step has come, in samples or in runs of an evaluator; `of` is the most that there can be, and the time left the most that it can take. Null
   * where nobody knows: an evaluator does what it wants.
   */
  | { kind: 'progress'; model: string; step: 'calibrate' | 'measure' | 'evaluate' | 'sensitivity'; done: number; of: number | null; secondsLeft: number | null }
  /** An artefact was tried in place of one that breaks its budget. */
  | { kind: 'tried'; model: string; attempt: Attempt }
  | { kind: 'done'; model: string; cached: boolean }
  /** What was had of the shared cache, when all is done. */
  | { kind: 'shared'; name: string; counts: RemoteCounts };
