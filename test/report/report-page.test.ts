import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { reportHtml, reportJson } from '../../packages/unplugin-quantize/src/report/index.ts';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { makeReport } from '../support/make-report.ts';

/** Names that would do harm in a page, a style, a script or an attribute. */
const HOSTILE = [
  '<script>globalThis.harmed = 1</script>',
  '"><img src=x onerror="globalThis.harmed = 1">',
  "' onmouseover='globalThis.harmed = 1",
  '</title></style></script><svg onload="globalThis.harmed = 1">',
  'javascript:globalThis.harmed=1',
  '--><!--{{7*7}}${7*7}',
  'a\u202eb\u0000c\nd',
  '__proto__',
];

/** A report whose every text is the name. */
function hostileReport(name: string): ModelReport {
  const spoil = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return ['format', 'requestedFormat', 'sha256', 'from', 'outcome', 'verdict'].includes(key) ? value : name;
    if (Array.isArray(value)) return value.map((item) => spoil(item));
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([own, item]) => [own, spoil(item, own)])) : value;
  };
  return spoil(makeReport()) as ModelReport;
}

describe.skipIf(chromiumPath === null)('quantize-report.html in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'report-'));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page of reports from a file, without a network; gives what went wrong in it. */
  async function open(reports: readonly ModelReport[], options: { width?: number; colorScheme?: 'light' | 'dark' } = {}): Promise<{ page: Page; problems: string[]; requests: string[] }> {
    const file = join(folder, 'quantize-report.html');
    writeFileSync(file, reportHtml(reports));
    const context = await browser.newContext({ viewport: { width: options.width ?? 1200, height: 900 }, colorScheme: options.colorScheme ?? 'light', offline: true });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const [problems, requests]: [string[], string[]] = [[], []];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    return { page, problems, requests };
  }

  it('needs no network and says nothing in the console', async () => {
    const { page, problems, requests } = await open([makeReport(), makeReport({ name: 'b.onnx' })]);
    await page.locator('th button').first().click();
    expect(problems).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(join(folder, 'quantize-report.html')).href]);
  });

  it.each(HOSTILE)('is not harmed by %j', async (name) => {
    const { page, problems } = await open([hostileReport(name), makeReport()]);
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    await page.locator('table').first().hover();
    expect(problems).toEqual([]);
    expect(await page.evaluate(() => 'harmed' in globalThis)).toBe(false);
    expect(await page.locator('script, img, iframe, object, base').count()).toBe(1);
    expect(await page.locator('section').count()).toBe(2);
    expect(await page.locator('a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))).toEqual(expect.arrayContaining(['#model-1', '#model-2']));
    expect(await page.locator('a:not([href^="#model-"])').count()).toBe(0);
  });

  it('sorts by numbers, not by their texts, and back', async () => {
    const sizes = [900, 12_000_000, 45_000];
    const models = sizes.map((bytes, i) => makeReport({ name: `${'cab'[i]}.onnx`, artefact: { ...makeReport().artefact, bytes } }));
    const { page } = await open(models);
    const names = (): Promise<string[]> => page.locator('main table').first().locator('tbody tr td:first-child').allTextContents();
    expect(await names()).toEqual(['a.onnx', 'b.onnx', 'c.onnx']);
    const head = page.locator('main table').first().locator('th', { hasText: 'after' });
    await head.locator('button').click();
    expect([await names(), await head.getAttribute('aria-sort')]).toEqual([['a.onnx', 'b.onnx', 'c.onnx'], 'descending']);
    await head.locator('button').click();
    expect([await names(), await head.getAttribute('aria-sort')]).toEqual([['c.onnx', 'b.onnx', 'a.onnx'], 'ascending']);
  });

  it('finds a model among many, and unfolds the one that a link names', async () => {
    const { page, problems } = await open(Array.from({ length: 50 }, (_, i) => makeReport({ name: `models/m${i}.onnx`, budget: [], baseline: [] })));
    expect(await page.locator('details.artefact[open]').count()).toBe(0);
    await page.getByRole('searchbox').fill('m17');
    expect(await page.locator('section:visible').count()).toBe(1);
    expect(await page.locator('main table').first().locator('tbody tr:visible').count()).toBe(1);
    await page.getByRole('link', { name: 'm17.onnx' }).click();
    expect(await page.locator('details.artefact[open]').count()).toBe(1);
    expect(problems).toEqual([]);
  });

  it.each([320, 390, 800])('is no wider than a window of %d', async (width) => {
    const { page } = await open([makeReport({ name: `a/very/long/path/without/any/space/${'x'.repeat(80)}.onnx` })], { width });
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });

  it.each(['light', 'dark'] as const)('can be read in %s', async (colorScheme) => {
    const { page } = await open([makeReport()], { colorScheme });
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
    const found = await page.evaluate(contrasts);
    expect(found.length).toBeGreaterThan(50);
    // WCAG 2, level AA.
    expect(found.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    const names = await page.locator('svg').evaluateAll((drawings) => drawings.map((drawing) => [drawing.getAttribute('role'), drawing.getAttribute('aria-label')]));
    expect(names.length).toBeGreaterThan(4);
    for (const [role, name] of names) expect([role, name!.length > 5]).toEqual(['img', true]);
  });

  it('shows what a report file holds', () => {
    expect(reportHtml(JSON.parse(reportJson([makeReport()])).models as ModelReport[])).toBe(reportHtml([makeReport()]));
  });
});

/** Runs in the page: the contrast of every text to what is behind it (WCAG 2, relative luminance). */
function contrasts(): { text: string; ratio: number }[] {
  const luminance = (color: string): number => {
    const [r, g, b] = (color.match(/[\d.]+/g) ?? []).map(Number).map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element | null): string => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (color !== 'rgba(0, 0, 0, 0)') return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.querySelectorAll('body *')].filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '') && !element.closest('script, title'));
  return texts.map((element) => {
    const style = getComputedStyle(element);
    const [a, b] = [luminance(element.closest('svg') === null ? style.color : style.fill), luminance(behind(element))];
    return { text: element.textContent!.slice(0, 40), ratio: Math.round((100 * (Math.max(a, b) + 0.05)) / (Math.min(a, b) + 0.05)) / 100 };
  });
}
