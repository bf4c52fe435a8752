import { messageOf, RuntimeError } from './errors.ts';
import type { RunArguments, RunResults } from './host.ts';

/** Words by which an engine tells that its device is gone for good. */
export interface LossSign {
  pattern: RegExp;
  /** Who says it. */
  source: string;
  /** The words as they stand in onnxruntime-node's library, where they do. */
  literal?: string;
}

/** onnxruntime-node gives neither the device nor an event: of a loss nothing but the message of a failed run is seen. */
export const LOSS_SIGNS: readonly LossSign[] = [
  { pattern: /\[Device[^\]\n]*\] is lost/i, source: 'Dawn, on every call of a lost device', literal: '%s is lost.' },
  { pattern: /A valid external Instance reference no longer exists/i, source: 'Dawn, when its instance has gone with the device', literal: 'A valid external Instance reference no longer exists.' },
  { pattern: /WebGPU device lost \(/i, source: "onnxruntime's callback for a lost device", literal: 'WebGPU device lost (' },
  { pattern: /Failed to download data from buffer.* value: 4\b/i, source: 'onnxruntime, reading from a buffer; 4 is MapAsyncStatus::Aborted', literal: 'Failed to download data from buffer. wgpu::MapAsyncStatus value: ' },
  { pattern: /device (?:was |is )?lost|lost device|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_(?:REMOVED|HUNG|RESET)/i, source: 'Vulkan and Direct3D 12, through Dawn' },
  // cudaErrorDevicesUnavailable, ECCUncorrectable, IllegalAddress, LaunchFailure, Unknown: the process cannot use CUDA any more.
  { pattern: /CUDA (?:failure|error) (?:46|214|700|719|999)\b/i, source: "onnxruntime's CUDA provider, with the runtime's error code" },
];

/** Feeds that are kept to find a loss by have no more bytes. */
const LARGEST_PROBE = 1 << 20;

type Run = (...args: RunArguments) => Promise<RunResults>;

/**
 * A GPU's `run` that tells the loss of its device: by the message, or because feeds that have been computed before (those of the canary, or of the first
 * call) are not any more.
 */
export function tellingLoss(run: Run): Run {
  let probe: RunArguments[0] | undefined;
  return async (...args) => {
    try {
      const results = await run(...args);
      if (probe === undefined && bytesOf(args[0]) <= LARGEST_PROBE) probe = { ...args[0] };
      return results;
    } catch (cause) {
      if (!isLoss(cause) && (probe === undefined || (await answers(run, probe)))) throw cause;
      throw new RuntimeError('DEVICE_LOST', `the GPU device was lost: ${messageOf(cause)}`, { cause });
    }
  };
}

export function isLoss(error: unknown): boolean {
  const message = messageOf(error);
  return LOSS_SIGNS.some(({ pattern }) => pattern.test(message));
}

async function answers(run: Run, feeds: RunArguments[0]): Promise<boolean> {
  try {
    for (const tensor of Object.values(await run(feeds))) tensor.dispose();
    return true;
  } catch {
    return false;
  }
}

/** Text and what lies in a GPU's memory may be gone or of any size. */
function bytesOf(feeds: RunArguments[0]): number {
  return Object.values(feeds).reduce((sum, { data, location }) => sum + ((location ?? 'cpu') === 'cpu' && ArrayBuffer.isView(data) ? data.byteLength : Infinity), 0);
}
