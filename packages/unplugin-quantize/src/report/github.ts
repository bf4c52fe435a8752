import { stripVTControlCharacters } from 'node:util';
import { printable } from '../printable.ts';
import type { ModelReport } from '../types.ts';

export type AnnotationLevel = 'error' | 'warning';

/**
 * A workflow command that GitHub shows beside the run, and beside a file where one is named. Text is escaped as its toolkit does it, so that
 * no name can begin a command of its own.
 *
 * @param file from the root of the repository
 */
export function annotation(level: AnnotationLevel, message: string, { title, file }: { title?: string | undefined; file?: string | undefined } = {}): string {
  const properties = Object.entries({ file, title }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escapeProperty(value)}`]));
  return `::${level}${properties.length === 0 ? '' : ` ${properties.join(',')}`}::${escapeData(message)}`;
}

/** Broken limits of artefacts that are used even so. */
export function budgetWarnings(reports: readonly ModelReport[]): string[] {
  return reports.flatMap(({ name, format, budget }) => budget.filter(({ held }) => !held).map(({ limit, asked, found }) =>
    annotation('warning', `${name} as ${format}: ${limit} was asked to be ${asked} and is ${Number(found.toPrecision(6))}.`, { title: 'Budget broken' })));
}

function escapeData(text: string): string {
  return printable(stripVTControlCharacters(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'));
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
