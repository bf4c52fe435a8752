import { alignColumns, formatBytes, formatChange, printable } from '../report/index.ts';
import type { ValueSignature } from '../types.ts';
import type { Inspection } from './inspect-model.ts';

/** The inspection as text for a terminal. */
export function formatInspection(inspection: Inspection): string {
  const { name, bytes, irVersion, opsets, producer, inputs, outputs, nodes, operators, weights, largest, formats, settings = [] } = inspection;
  const total = bytes + weights['external data'].bytes;
  const versions = Object.entries(opsets).map(([domain, version]) => `${domain} ${version}`).join(', ');
  return [
    `${printable(name)}  ${formatBytes(bytes)}  IR ${irVersion}  opset ${versions}  ${printable(producer)}`.trimEnd(),
    ...section('inputs', inputs.map(describeValue)),
    ...section('outputs', outputs.map(describeValue)),
    ...section(`operators (${nodes} nodes)`, Object.entries(operators).map(([op, count]) => [op, String(count)]), [1]),
    ...section('where weights live', Object.entries(weights).filter(([, { tensors }]) => tensors > 0).map(([place, at]) => [place, `${at.tensors} tensors`, formatBytes(at.bytes)]), [1, 2]),
    ...section('largest tensors', largest.map((weight) => [printable(weight.name), showType(weight.dtype, weight.dims), formatBytes(weight.bytes), weight.place]), [2]),
    ...section('what each format would reach', formats.map(({ format, bytes: size, note }) => [format, ...(size === null ? ['', ''] : [formatBytes(size), formatChange(total, size)]), printable(note)]), [1, 2]),
    ...(settings.length === 0 ? [] : section('options', settings.map(({ option, value, from }) => [option, printable(showValue(value)), printable(from)]))),
  ].join('\n');
}

function section(title: string, rows: readonly string[][], right: readonly number[] = []): string[] {
  return ['', title, ...alignColumns(rows, right).map((line) => `  ${line}`)];
}

function showValue(value: unknown): string {
  return value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function describeValue({ name, dtype, dims }: ValueSignature): string[] {
  return [printable(name), dims === null ? dtype : showType(dtype, dims)];
}

function showType(dtype: string, dims: readonly (number | string | null)[]): string {
  return printable(`${dtype}[${dims.map((dim) => dim ?? '?').join(',')}]`);
}
