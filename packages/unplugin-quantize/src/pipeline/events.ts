/** What the pipeline tells while it works; the plugin and the command line turn it into lines. */
export type PipelineEvent =
  | { kind: 'warning'; message: string }
  /** A step that takes time has begun; a hit in the cache has none. */
  | { kind: 'step'; model: string; step: 'quantize' | 'measure' }
  | { kind: 'done'; model: string; cached: boolean };
