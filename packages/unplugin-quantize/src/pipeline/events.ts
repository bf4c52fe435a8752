/** What the pipeline tells while it works; the plugin and the command line turn it into lines. */
export type PipelineEvent =
  | { kind: 'warning'; message: string }
  /** A step that takes time has begun; a hit in the cache has none. */
  | { kind: 'step'; model: string; step: 'calibrate' | 'quantize' | 'measure' }
  /** How far a step has come; `of` is the most that there can be, and the time left the most that it can take. */
  | { kind: 'progress'; model: string; step: 'calibrate'; done: number; of: number; secondsLeft: number }
  | { kind: 'done'; model: string; cached: boolean };
