import type { CompressedBytes, ModelReport, Target } from '../types.ts';
import { formatBytes } from './size.ts';

const BROWSER_TARGETS: readonly Target[] = ['webgpu', 'wasm'];

/**
 * What a browser downloads at a first visit that uses all models, a line for each target, and another one for devices that get other files there:
 *
 *     first visit (wasm)  1.33 MB + onnxruntime-web 14.24 MB = 15.57 MB  gzip 4.90 MB  brotli 3.88 MB
 */
export function firstVisitLines(reports: readonly ModelReport[]): string[] {
  return BROWSER_TARGETS.flatMap((target) => {
    const own = reports.filter(({ targets = [] }) => targets.includes(target));
    const special = own.filter(({ needs }) => needs !== undefined);
    const everywhere = own.filter(({ needs }) => needs === undefined);
    const others = everywhere.filter(({ name }) => !special.some((report) => report.name === name));
    const [needs] = special.map((report) => report.needs);
    return [...lineOf(target, everywhere), ...(needs === undefined ? [] : lineOf(`${target} with ${needs}`, [...special, ...others]))];
  });
}

function lineOf(visitor: string, reports: readonly ModelReport[]): string[] {
  const visits = reports.flatMap(({ firstVisit }) => firstVisit ?? []);
  const [first] = visits;
  if (first === undefined) return [];
  const models = sum(visits.map(({ model }) => model));
  const { bytes, compressed } = first.runtime;
  const packed = (by: keyof CompressedBytes): string => {
    const sizes = visits.map(({ compressed: model }) => model?.[by]);
    return compressed === undefined || sizes.includes(undefined) ? '' : `  ${by} ${formatBytes(sum(sizes as number[]) + compressed[by])}`;
  };
  return [`first visit (${visitor})  ${formatBytes(models)} + onnxruntime-web ${formatBytes(bytes)} = ${formatBytes(models + bytes)}${packed('gzip')}${packed('brotli')}`];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
