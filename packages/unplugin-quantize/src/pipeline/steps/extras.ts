import { locateSamples, type LocatedSamples } from '../../calibrate/index.ts';
import type { ArtefactOptions } from '../../options.ts';
import type { CompressedBytes, EngineName, LatencyReport, ModelDetails, Target } from '../../types.ts';

/** Of source and artefact. */
export interface CompressedPair {
  source: CompressedBytes;
  artefact: CompressedBytes;
}

/** What a report that shows everything has beside the other figures. */
export interface CloserLook {
  details: ModelDetails;
  compressed: CompressedPair;
}

/** Figures that a report has where they were asked for. */
export interface ReportExtras {
  compressed?: CompressedPair;
  latency?: LatencyReport;
}

export interface ExtrasPlan {
  compressed: boolean;
  /** Undefined where nobody asked for it. */
  latency?: {
    calibration: LocatedSamples | undefined;
    sampleLimit: 1;
    /** The engine of the targets; undefined for onnxruntime-node, where it is there. */
    engine: EngineName | undefined;
  };
}

/**
 * Which figures are asked for beside size and accuracy, also by a budget. They take time: compressing about 30 MB a second, latency seven seconds and more.
 *
 * @param root folder that relative paths start from
 */
export function extrasPlan(options: ArtefactOptions, root: string, targets: readonly Target[] = []): ExtrasPlan {
  const { calibration, budget } = options;
  const compressed = options.compressed || budget.compressedBytes !== undefined;
  if (!options.latency && budget.latencyRatio === undefined) return { compressed };
  const engine = targets.includes('wasm') && !targets.includes('node') ? 'onnxruntime-web' : undefined;
  return { compressed, latency: { calibration: calibration === undefined ? undefined : locateSamples(calibration, root), sampleLimit: 1, engine } };
}
