import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { makeReport } from '../../../../../test/support/make-report.ts';
import { parseReport, REPORT_SCHEMA, reportJson } from '../index.ts';
import { findViolation } from './check.ts';

/** A validator that others wrote, by way of webpack, which depends on it. */
const Ajv = (createRequire(createRequire(import.meta.resolve('webpack')).resolve('schema-utils'))('ajv') as { default: new (options: object) => { validateSchema(schema: object): unknown; compile(schema: object): ((value: unknown) => boolean) & { errors?: unknown } } }).default;
const ajv = new Ajv({ strict: true, allErrors: true });
const validate = ajv.compile(REPORT_SCHEMA);

const wholeReport = (): { version: number; models: Record<string, unknown>[] } => JSON.parse(reportJson([makeReport()])) as { version: number; models: Record<string, unknown>[] };

/** What is wrong in each: a change of a good report. */
const DAMAGE: Record<string, (report: ReturnType<typeof wholeReport>) => unknown> = {
  'a list': () => [],
  'null': () => null,
  'no models': ({ version }) => ({ version }),
  'models that are none': (report) => ({ ...report, models: [1] }),
  'a model without a name': (report) => ({ ...report, models: [{ ...report.models[0], name: undefined }] }),
  'a text for a number': (report) => ({ ...report, models: [{ ...report.models[0], source: { bytes: '12', sha256: '' } }] }),
  'a negative size': (report) => ({ ...report, models: [{ ...report.models[0], source: { bytes: -1, sha256: '' } }] }),
  'a format that does not exist': (report) => ({ ...report, models: [{ ...report.models[0], format: 'int7' }] }),
  'a hash that is none': (report) => ({ ...report, models: [{ ...report.models[0], source: { bytes: 1, sha256: '<script>' } }] }),
  'weights that are no list': (report) => ({ ...report, models: [{ ...report.models[0], weights: {} }] }),
};

describe('the schema of quantize-report.json', () => {
  it('is a schema, and holds for a whole report and for one without what is optional', () => {
    expect(ajv.validateSchema(REPORT_SCHEMA)).toBe(true);
    const report = wholeReport();
    expect({ isValid: validate(report), errors: validate.errors ?? null }).toEqual({ isValid: true, errors: null });
    const { targets: _targets, attempts: _attempts, latency: _latency, details: _details, integerShare: _share, baseline: _baseline, ...bare } = report.models[0]!;
    expect(validate({ ...report, models: [{ ...bare, accuracy: null }] })).toBe(true);
    expect(validate({ ...report, models: [{ ...bare, newField: 1 }] })).toBe(true);
  });

  it.each(Object.entries(DAMAGE))('refuses %s, as our own check does', (_, damage) => {
    const damaged: unknown = JSON.parse(JSON.stringify(damage(wholeReport())));
    expect([validate(damaged), findViolation(damaged, REPORT_SCHEMA) === undefined]).toEqual([false, false]);
  });
});

describe('parseReport', () => {
  it('gives the models back', () => expect(parseReport(reportJson([makeReport()]), 'r.json')).toEqual([makeReport()]));

  it.each([
    ['{', 'This is no JSON'],
    ['{"version":2,"models":[]}', 'version 2'],
    ['{"version":1}', 'has no "models"'],
    ['{"version":1,"models":[{"name":5}]}', 'models[0]'],
  ])('refuses %s', (text, message) => {
    expect(() => parseReport(text, 'r.json')).toThrow(expect.objectContaining({ code: 'REPORT_INVALID', message: expect.stringContaining(message) as string }) as Error);
  });
});
