import { RuntimeError } from './errors.ts';
import type { Device } from './host.ts';
import type { Lane } from './lane.ts';

/** Rejects with DEVICE_LOST when the GPU of a session is lost. */
type Loss = Promise<never>;

/** A run that fails because of a lost device may fail a moment before the loss is told. */
const LOSS_IS_TOLD_AFTER = 100;

/** A page that has lost its device: the engine makes no other one. */
let isDeviceLost = false;

/** @throws RuntimeError BACKEND_UNAVAILABLE */
export async function probeGpu(): Promise<Device> {
  if (isDeviceLost) throw unavailable('the page has lost its GPU device; a reload may bring it back');
  const { gpu } = navigator as { gpu?: { requestAdapter(options?: object): Promise<Adapter | null> } };
  if (gpu === undefined) throw unavailable(isSecureContext ? 'the browser has no WebGPU' : 'WebGPU exists only on https pages and localhost');
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) throw unavailable('there is no GPU adapter');
  const { vendor, architecture, device, description } = adapter.info ?? {};
  return {
    name: [vendor, architecture, device, description, navigator.userAgent].join(),
    hasFloat16: adapter.features.has('shader-f16'),
    largestTensor: Math.min(adapter.limits.maxBufferSize, adapter.limits.maxStorageBufferBindingSize),
  };
}

interface Adapter {
  info?: Partial<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  features: { has(name: string): boolean };
  limits: { maxBufferSize: number; maxStorageBufferBindingSize: number };
}

export function watchDevice(device: GPUDeviceLike): Loss {
  // With its last session onnxruntime destroys the device, too, which nobody meets.
  const loss = device.lost.then(({ reason, message }) => {
    throw new RuntimeError('DEVICE_LOST', `the GPU device was lost${reason === 'unknown' ? '' : ` (${reason})`}: ${message}`);
  });
  // It is met where a run is under way or begins.
  loss.catch(() => undefined);
  return loss;
}

interface GPUDeviceLike {
  lost: Promise<{ reason: string; message: string }>;
}

/** Runs tasks that end with the loss of the device even where they themselves would hang; `onLoss` is told when one meets it. */
export function guardWith(loss: Loss, onLoss: () => void): Lane {
  let lost: unknown;
  loss.catch((error: unknown) => {
    lost = error;
  });
  return async (task) => {
    try {
      // A run on a lost device may block the page for ever.
      return await (lost === undefined ? Promise.race([loss, task()]) : loss);
    } catch (error) {
      if (lost === undefined) await Promise.race([loss.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, LOSS_IS_TOLD_AFTER))]);
      if (lost === undefined) throw error;
      isDeviceLost = true;
      onLoss();
      throw lost;
    }
  };
}

function unavailable(why: string): RuntimeError {
  return new RuntimeError('BACKEND_UNAVAILABLE', why);
}
