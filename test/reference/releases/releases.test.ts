import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isNewer } from '../../../packages/unplugin-quantize/src/quantize/min-version.ts';
import { makeCases, type Case } from './cases.ts';
import { signatureOf } from './signature.ts';

type Engine = 'onnxruntime-node' | 'onnxruntime-web';
/** Releases that do not run a case, by engine. */
type Failures = Record<Engine, Record<string, string>>;

const { engines, cases }: { engines: Record<Engine, string[]>; cases: (Failures & { name: string; needs: string })[] } = JSON.parse(readFileSync(new URL('releases.json', import.meta.url), 'utf8'));
const measured = new Map(cases.map((one) => [one.name, one]));
const made: Case[] = [];
for await (const one of makeCases()) made.push(one);

/** 1.14 alone dies of it, at this opset and not at 13; the table has one line for both. */
const STRICTER = new Set(['fp16 convolution, opset 13']);

/** The oldest of the tried releases from which on all run a case, in both engines. */
function oldestThatRuns(failures: Failures): string {
  const broken = (Object.keys(engines) as Engine[]).flatMap((engine) => Object.keys(failures[engine]));
  const tried = [...new Set(Object.values(engines).flat())].sort((a, b) => (isNewer(a, b) ? 1 : -1));
  return tried.find((release) => broken.every((other) => isNewer(release, other)))!;
}

/** The same minor release: patch releases are not tried one by one. */
const minor = (release: string): string => release.split('.').slice(0, 2).join('.');

describe('the oldest release of onnxruntime that runs an artefact (make.mjs finds it again)', () => {
  it('was measured for every case', () => {
    expect(made.map(({ name }) => name)).toEqual(cases.map(({ name }) => name));
  });

  it.each(made)('$name: for the versions and operators that it has now', ({ name, bytes }) => {
    expect(signatureOf(bytes)).toBe(measured.get(name)!.needs);
  });

  it.each(made)('$name: what the table says', ({ name, minOnnxruntime }) => {
    const oldest = oldestThatRuns(measured.get(name)!);
    if (isNewer(minOnnxruntime, oldest) && STRICTER.has(name)) return;
    // Releases older than the first one tried are taken from onnxruntime's own table.
    const first = engines['onnxruntime-node'][0]!;
    expect(minor(isNewer(first, minOnnxruntime) ? first : minOnnxruntime)).toBe(minor(oldest));
  });
});
