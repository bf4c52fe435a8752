import type { EngineName } from './types.ts';

/** What a file takes on the wire; external data is compressed file by file and counted in. */
export interface CompressedBytes {
  /** zlib, level 9. */
  gzip: number;
  /** Quality 9 of 11, window of 4 MB. */
  brotli: number;
}

/** A quotient artefact / source with its 95 % interval. */
export interface RatioEstimate {
  ratio: number;
  low: number;
  high: number;
}

/** Speed and memory of one model in a process of its own. Times in milliseconds, memory in bytes. */
export interface SpeedFigures {
  /** Median and 95th percentile of one run. */
  median: number;
  p95: number;
  /** Samples in a second: rows of a batch count each. */
  throughput: number;
  /** Median time to create a session. */
  load: number;
  /** The process' largest resident set, and how much of it came after the engine was there and before the model was loaded. */
  peakMemory: number;
  modelMemory: number;
  /** Timed runs. */
  runs: number;
}

/** Estimate of the energy of one run, in picojoules, from operations and bytes that the engine's own profile tells. */
export interface EnergyEstimate {
  arithmetic: number;
  memory: number;
  /** Multiply-adds by the type that they are done in, such as `float32` or `int8`. */
  multiplyAdds: Record<string, number>;
  /** Bytes that nodes read of weights, and read and write of activations. */
  bytesMoved: { weights: number; activations: number };
}

/** Source and artefact timed in turn, each in a process of its own on this machine. */
export interface LatencyReport {
  engine: EngineName;
  engineVersion: string;
  /** Threads of one run; null is the engine's own choice. */
  threads: number | null;
  /** Times that the models took turns. */
  rounds: number;
  /** True when the inputs were generated. */
  synthetic: boolean;
  source: SpeedFigures;
  artefact: SpeedFigures;
  /** Artefact / source: of times round by round, of memory without an interval. */
  ratio: { latency: RatioEstimate; load: RatioEstimate; memory: number };
  /** Absent where the engine gives no profile. An estimate, never a measurement. */
  energy?: { source: EnergyEstimate; artefact: EnergyEstimate; ratio: number; basis: string };
}
