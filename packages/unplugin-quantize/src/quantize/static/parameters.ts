import { constantOf } from '../../graph/index.ts';
import { tensorOf } from '../../onnx/index.ts';
import { float32Chunks } from '../float-chunks.ts';
import { SMALLEST_SCALE } from '../affine.ts';
import { isOuter, valueKey, type GraphView } from './views.ts';
import { inputLimits } from './input-limits.ts';
import { rootOf, type Plan, type Planned } from './plan.ts';
import { assertRange, statisticsOf } from './ranges.ts';

/** real = scale (integer - zero point); the scale is a float32. */
export interface Parameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** An 8-bit type of activations: all of its values are used. */
export interface ActivationType {
  readonly dtype: 'uint8' | 'int8';
  readonly min: number;
  readonly max: number;
}

export const ACTIVATION_TYPES: Record<'u8' | 's8', ActivationType> = { u8: { dtype: 'uint8', min: 0, max: 255 }, s8: { dtype: 'int8', min: -128, max: 127 } };

/**
 * Asymmetric parameters of a range, which is widened to contain zero: scale = (max - min) / 255 in float64, kept as float32; zero point =
 * round_half_even(lowest - min / scale) (onnxruntime.quantization, quant_utils.compute_scale_zp).
 */
export function activationParameters(min: number, max: number, type: ActivationType): Parameters {
  const [low, high] = [Math.min(0, Math.fround(min)), Math.max(0, Math.fround(max))];
  const scale = (high - low) / (type.max - type.min);
  // Nothing but zeros: any scale will do, and what should be cut off below zero still is.
  if (scale < SMALLEST_SCALE) return { scale: 1, zeroPoint: type.min };
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(type.min - low / scale) };
}

export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * The parameters of all quantized values of a graph and of constants that are read as activations.
 *
 * @param outer those of the graphs around it, by the key of the value (`valueKey`): their values keep them
 * @throws QuantizeError SAMPLES_INVALID when a value has no statistics, or a range that is none
 */
export function chooseParameters({ view, plan }: Planned, type: ActivationType, outer: ReadonlyMap<string, Parameters> = new Map()): Map<string, Parameters> {
  const given = [...plan.quantized].filter((name) => isOuter(view, name) && outer.has(valueKey(view, name)));
  const parameters = new Map(given.map((name) => [name, outer.get(valueKey(view, name))!]));
  const find = (name: string): Parameters => {
    const known = parameters.get(name);
    if (known !== undefined) return known;
    const { root, factor } = rootOf(name, plan);
    const found = root === name ? ownParameters(view, plan, name, type) : find(root);
    const scaled = factor === 1 ? found : { ...found, scale: Math.fround(found.scale * factor) };
    parameters.set(name, scaled);
    return scaled;
  };
  const concats = plan.nodes.filter(({ node }) => node.opType === 'Concat');
  // Parts that only a Concat reads get its parameters, so that it copies; the last Concat of a chain decides.
  for (const concat of concats.reverse()) {
    const [output] = concat.outputs as [string];
    for (const part of concat.activations) if (!parameters.has(part) && isOnlyFor(view, plan, part, find(output), type)) parameters.set(part, find(output));
  }
  for (const name of plan.quantized) find(name);
  for (const { constants } of plan.nodes) for (const name of constants) parameters.set(name, constantParameters(view, name, type));
  return parameters;
}

function isOnlyFor({ edges }: GraphView, plan: Plan, part: string, { zeroPoint }: Parameters, type: ActivationType): boolean {
  const producer = plan.producers.get(part);
  const isFree = edges.uses(part).length === 1 && !edges.outputs.has(part) && producer?.role !== 'mover';
  return isFree && (producer === undefined || producer.bounds.length === 0 || zeroPoint === type.min);
}

function ownParameters(view: GraphView, plan: Plan, name: string, type: ActivationType): Parameters {
  const { min, max } = statisticsOf(view, name);
  const bounds = [...(plan.producers.get(name)?.bounds ?? []), inputLimits(view, name)];
  const low = Math.max(min, ...bounds.map((bound) => bound.low));
  const high = Math.min(max, ...bounds.map((bound) => bound.high));
  return activationParameters(low, high, type);
}

function constantParameters({ context, edges, all }: GraphView, name: string, type: ActivationType): Parameters {
  let [min, max] = [0, 0];
  for (const values of float32Chunks(tensorOf(context.model, constantOf(name, edges.scope, all)!))) {
    for (const value of values) {
      if (value < min) min = value;
      else if (value > max || Number.isNaN(value)) max = value;
    }
  }
  assertRange({ min, max }, { model: context.model.name, node: name }, 'A constant');
  return activationParameters(min, max, type);
}
