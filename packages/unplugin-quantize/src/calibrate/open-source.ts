import { extname } from 'node:path';
import type { SampleKind } from '../calibration.ts';
import { QuantizeError } from '../errors.ts';
import { ARRAY_EXTENSIONS, AUDIO_EXTENSIONS, IMAGE_EXTENSIONS, JSON_EXTENSIONS, MODULE_EXTENSIONS, TEXT_EXTENSIONS } from './files/extensions.ts';
import { findFiles, hasExtension, statOf } from './files/find-files.ts';
import type { LocatedSamples } from './files/locate.ts';
import type { SampleSource, SourceContext } from './source.ts';

/** A kind by the ending of its files. In a folder, those that are not strong count where there is nothing else: notes and settings lie beside samples. */
const KINDS: { kind: SampleKind; extensions: readonly string[]; isStrong: boolean }[] = [
  { kind: 'images', extensions: IMAGE_EXTENSIONS, isStrong: true },
  { kind: 'audio', extensions: AUDIO_EXTENSIONS, isStrong: true },
  { kind: 'arrays', extensions: ARRAY_EXTENSIONS, isStrong: true },
  { kind: 'arrays', extensions: JSON_EXTENSIONS, isStrong: false },
  { kind: 'text', extensions: TEXT_EXTENSIONS, isStrong: false },
  { kind: 'module', extensions: MODULE_EXTENSIONS, isStrong: false },
];

type Opener = (located: LocatedSamples, context: SourceContext) => Promise<SampleSource>;

/** Each is loaded when it is needed: a build without samples starts sooner. */
const OPENERS: Record<Exclude<SampleKind, 'module'>, () => Promise<Opener>> = {
  images: async () => (await import('./images/images.ts')).openImages,
  audio: async () => (await import('./audio/clips.ts')).openClips,
  arrays: async () => (await import('./arrays/arrays.ts')).openArrays,
  text: async () => (await import('./text/texts.ts')).openTexts,
};

/**
 * Opens samples of files; a module is given as its path, because it is no list of files.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID, OPTION_INVALID
 */
export async function openSource(located: LocatedSamples, context: SourceContext): Promise<SampleSource | { module: string }> {
  const kind = located.kind === 'auto' ? await kindOfPath(located) : located.kind;
  if (kind !== 'module') {
    const open = await OPENERS[kind]();
    return open({ ...located, kind }, context);
  }
  const { base, given } = located.at[0]!;
  if ((await statOf(base, given)).isDirectory()) throw unknownKind(given, 'a folder');
  return { module: base };
}

async function kindOfPath({ at }: LocatedSamples): Promise<SampleKind> {
  const location = at[0]!;
  const { base, pattern, given } = location;
  if (pattern === undefined && !(await statOf(base, given)).isDirectory()) {
    const row = KINDS.find(({ extensions }) => hasExtension(base, extensions));
    if (row === undefined) throw unknownKind(given, `a ${extname(base) || 'nameless'} file`);
    return row.kind;
  }
  const all = KINDS.filter(({ kind }) => kind !== 'module').flatMap(({ extensions }) => extensions);
  const names = (await findFiles([location], all, 'samples')).map(({ name }) => name);
  const held = KINDS.filter(({ extensions }) => names.some((name) => hasExtension(name, extensions)));
  const strong = held.filter(({ isStrong }) => isStrong);
  const candidates = strong.length > 0 ? strong : held;
  const [first, second] = [...new Set(candidates.map(({ kind }) => kind))];
  if (first === undefined) throw unknownKind(given, `${extname(names[0]!) || 'nameless'} files`);
  if (second === undefined) return first;
  throw new QuantizeError('SAMPLES_INVALID', `The samples are of several kinds: ${first} and ${second}.`, { option: given, hint: `Say which are meant, such as { ${first}: ${JSON.stringify(given)} }.` });
}

function unknownKind(given: string, found: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `Samples cannot be read from ${found}.`, {
    option: given,
    hint: `Use a module (${MODULE_EXTENSIONS.join(' ')}), arrays (${[...ARRAY_EXTENSIONS, ...JSON_EXTENSIONS].join(' ')}), images (${IMAGE_EXTENSIONS.join(' ')}), texts (${TEXT_EXTENSIONS.join(' ')}) with a tokenizer.json, or sound (.wav).`,
  });
}

