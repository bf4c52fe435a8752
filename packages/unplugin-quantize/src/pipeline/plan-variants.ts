import type { ResolvedModelOptions } from '../options.ts';
import { MODEL_DEFAULTS } from '../options.ts';
import type { ModelKind } from '../quantize/index.ts';
import type { Format, FormatChoice, Target } from '../types.ts';
import { AUTO_FORMATS, AUTO_HALF_FORMATS, INTEGERS_ON_CPU } from './format-table.ts';

/** An artefact that is to be made. */
export interface VariantPlan {
  /** What it is for; none where nobody said it. */
  targets: readonly Target[];
  requestedFormat: FormatChoice;
  format: Format;
  notes: readonly string[];
  /** For devices that have it; another plan is for those that do not. */
  needs?: 'shader-f16';
}

const GPU_NAMES: Partial<Record<Target, string>> = { 'webgpu': 'WebGPU', 'node-cuda': 'CUDA' };

/** Where an artefact is made for that nobody named a target for. */
const ANYWHERE: Target = 'node';

/**
 * The artefacts of a model, one for each format that its targets come to, in the order of the targets; two for a target where half precision pays.
 *
 * @param kind what `auto` looks at
 */
export function planVariants({ format, targets }: Pick<ResolvedModelOptions, 'format' | 'targets'>, kind: ModelKind): VariantPlan[] {
  if (targets === undefined) return [{ targets: [], ...planFormat(format, ANYWHERE, kind) }];
  const plans: VariantPlan[] = [];
  for (const target of new Set(targets)) {
    for (const plan of planTarget(format, target, kind)) {
      const twin = plans.find((other) => key(other) === key(plan));
      if (twin === undefined) plans.push({ targets: [target], ...plan });
      else twin.targets = [...twin.targets, target];
    }
  }
  return plans;
}

type FormatPlan = Omit<VariantPlan, 'targets'>;

function key({ requestedFormat, format, notes, needs }: FormatPlan): string {
  return JSON.stringify([requestedFormat, format, notes, needs]);
}

/** The artefact that every device of a target can run comes last: the runtime takes the first that this one can. */
function planTarget(format: ResolvedModelOptions['format'], target: Target, kind: ModelKind): FormatPlan[] {
  const plan = planFormat(format, target, kind);
  const half = plan.requestedFormat === 'auto' ? AUTO_HALF_FORMATS[target]?.[kind] : undefined;
  return half === undefined ? [plan] : [{ ...plan, format: half, needs: 'shader-f16' }, plan];
}

function planFormat(format: ResolvedModelOptions['format'], target: Target, kind: ModelKind): FormatPlan {
  if (typeof format === 'object') return explicit(format[target] ?? MODEL_DEFAULTS.format, format[target] !== undefined, target, kind);
  return explicit(format, false, target, kind);
}

/** @param isExplicit whether the format was given for this very target, and is therefore obeyed */
function explicit(requestedFormat: FormatChoice, isExplicit: boolean, target: Target, kind: ModelKind): FormatPlan {
  if (requestedFormat === 'auto') return { requestedFormat, format: AUTO_FORMATS[target][kind], notes: [] };
  const isSlow = INTEGERS_ON_CPU[target]?.includes(requestedFormat) === true;
  if (!isSlow) return { requestedFormat, format: requestedFormat, notes: [] };
  if (isExplicit) return { requestedFormat, format: requestedFormat, notes: [`${requestedFormat} computes in integers, which ${GPU_NAMES[target]} leaves to the CPU: expect it to be much slower than int8-storage there.`] };
  // That int8 is integers only where it helps is what it means, and not worth a line for every model.
  const notes = requestedFormat === 'int8' ? [] : [`For ${GPU_NAMES[target]}, which leaves integers to the CPU, int8-storage is used in place of ${requestedFormat}.`];
  return { requestedFormat, format: 'int8-storage', notes };
}
