import { elementCount } from '../../onnx/index.ts';

/**
 * The dims that Reshape gives: 0 copies the input's dim (unless `allowZero`), one -1 takes what is left.
 * Like the other functions here it gives undefined where the request does not fit the input.
 */
export function reshapedDims(dims: readonly number[], shape: readonly number[], allowZero: boolean): number[] | undefined {
  const asked = shape.map((dim, axis) => (dim === 0 && !allowZero ? dims[axis] : dim));
  if (asked.some((dim) => dim === undefined || dim < -1) || asked.filter((dim) => dim === -1).length > 1) return undefined;
  const known = elementCount((asked as number[]).filter((dim) => dim !== -1));
  const total = elementCount(dims);
  const result = (asked as number[]).map((dim) => (dim === -1 ? total / known : dim));
  return result.every(Number.isSafeInteger) && elementCount(result) === total ? result : undefined;
}

/** The dims that Squeeze gives: without the axes, or without all axes of length 1. */
export function squeezedDims(dims: readonly number[], axes: readonly number[] | undefined): number[] | undefined {
  if (axes === undefined) return dims.filter((dim) => dim !== 1);
  const gone = axes.map((axis) => positive(axis, dims.length));
  return gone.every((axis) => dims[axis] === 1) ? dims.filter((_, axis) => !gone.includes(axis)) : undefined;
}

/** The dims that Unsqueeze gives: axes count in the result. */
export function unsqueezedDims(dims: readonly number[], axes: readonly number[]): number[] | undefined {
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => positive(axis, rank)));
  if (added.size !== axes.length || [...added].some((axis) => axis < 0 || axis >= rank)) return undefined;
  const rest = dims.values();
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.next().value!));
}

/** The two dims that Flatten gives: the product before the axis and from the axis on. */
export function flattenedDims(dims: readonly number[], axis: number): number[] | undefined {
  const at = positive(axis, dims.length);
  return at < 0 || at > dims.length ? undefined : [elementCount(dims.slice(0, at)), elementCount(dims.slice(at))];
}

function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
