import { describe, expect, it } from 'vitest';
import { reportFiles } from './report-files.ts';

describe('the option report', () => {
  it.each([
    [undefined, ['json quantize-report.json']],
    [false, []],
    ['out/models.json', ['json out/models.json']],
    ['report', ['json report']],
    ['html', ['html quantize-report.html']],
    [['json', 'md', 'docs/models.HTML', 'md'], ['json quantize-report.json', 'md quantize-report.md', 'html docs/models.HTML']],
  ])('%j', (option, expected) => expect(reportFiles(option as Parameters<typeof reportFiles>[0]).map(({ kind, path }) => `${kind} ${path}`)).toEqual(expected));

  it.each([true, 5, '', { html: true }, [1], null])('refuses %j', (option) => {
    expect(() => reportFiles(option as unknown as string)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', option: 'report' }) as Error);
  });
});
