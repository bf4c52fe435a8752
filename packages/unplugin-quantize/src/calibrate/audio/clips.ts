import type { AudioSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { AUDIO_EXTENSIONS } from '../files/extensions.ts';
import { findFiles, type FoundFile } from '../files/find-files.ts';
import type { LocatedSamples } from '../files/locate.ts';
import { roundHalfEven } from '../round.ts';
import { batchOf, type SampleItem, type SampleSource, type SourceContext } from '../source.ts';
import { findAudioInput, type AudioInput } from './audio-input.ts';
import { resample, resampledLength } from './resample.ts';
import { readWav, readWavHeader, type WavHeader } from './wav.ts';

/** A part of a clip: frames of the wanted rate from `start` on. */
interface Part extends SampleItem {
  start: number;
  frames: number;
}

/**
 * Clips as values of one input, cut into windows where the input has a length.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID, OPTION_INVALID
 */
export async function openClips({ at, spec: given }: LocatedSamples, context: SourceContext): Promise<SampleSource> {
  const spec = given as Partial<AudioSamples>;
  const files = await findFiles(at, AUDIO_EXTENSIONS, 'clips');
  const input = findAudioInput(spec, context);
  const headers: WavHeader[] = [];
  for (const file of files) headers.push(await readWavHeader(file.path));
  const rate = spec.sampleRate ?? oneRate(files, headers);
  const items = files.flatMap((file, i) => partsOf(file, resampledLength(headers[i]!.frames, headers[i]!.rate, rate), input.frames));
  let last: { path: string; sound: Float32Array[] } | undefined;
  return {
    items,
    files: [],
    ...(input.rank === 1 ? { batch: 1, isBatchFixed: false } : batchOf(spec.batch, input.batchDim)),
    async read(indices) {
      const length = input.frames ?? Math.max(...indices.map((i) => items[i]!.frames));
      const data = new Float32Array(indices.length * input.channels * length);
      for (const [row, index] of indices.entries()) {
        const { file, start } = items[index]!;
        if (last?.path !== file.path) last = { path: file.path, sound: await readSound(file, rate, input.channels) };
        for (const [c, channel] of last.sound.entries()) data.set(channel.subarray(start, start + length), (row * input.channels + c) * length);
      }
      return { [input.name]: tensorOf(data, indices.length, length, input) };
    },
  };
}

/** Windows that fit; a clip that is shorter than one gives one, and silence after it. */
function partsOf(file: FoundFile, length: number, frames: number | undefined): Part[] {
  if (frames === undefined) return [{ name: file.name, file, start: 0, frames: length }];
  const count = Math.max(1, Math.floor(length / frames));
  return Array.from({ length: count }, (_, i) => ({ name: `${file.name}:${i * frames}`, file, start: i * frames, frames }));
}

function oneRate(files: readonly FoundFile[], headers: readonly WavHeader[]): number {
  const first = headers[0]!.rate;
  const other = headers.findIndex(({ rate }) => rate !== first);
  if (other === -1) return first;
  throw new QuantizeError('SAMPLES_INVALID', `Clips differ in their rate: ${files[0]!.name} has ${first} Hz, ${files[other]!.name} ${headers[other]!.rate} Hz.`, {
    option: files[other]!.path,
    hint: 'Say the rate that the model expects: { audio, sampleRate: 16000 }.',
  });
}

async function readSound({ path }: FoundFile, to: number, wanted: number): Promise<Float32Array[]> {
  const { data, rate } = await readWav(path);
  return withChannels(data, wanted, path).map((channel) => resample(channel, rate, to));
}

/** The same number as it is; one as the mean of all; of one as many copies as are wanted. */
function withChannels(data: Float32Array[], wanted: number, path: string): Float32Array[] {
  if (data.length === wanted) return data;
  if (wanted === 1) {
    const mean = new Float32Array(data[0]!.length);
    for (let i = 0; i < mean.length; i++) {
      let sum = 0;
      for (const channel of data) sum += channel[i]!;
      mean[i] = sum / data.length;
    }
    return [mean];
  }
  if (data.length === 1) return Array.from({ length: wanted }, () => data[0]!);
  throw new QuantizeError('SAMPLES_INVALID', `The clip has ${data.length} channels where ${wanted} are wanted.`, { option: path });
}

function tensorOf(data: Float32Array, batch: number, length: number, { rank, dtype, channels }: AudioInput): unknown {
  const dims = rank === 1 ? [length] : rank === 2 ? [batch, channels * length] : [batch, channels, length];
  if (dtype === 'float32' || dtype === 'unknown') return { type: 'float32', data, dims };
  if (dtype !== 'int16') return { data: Array.from(data), dims };
  return { type: dtype, data: Int16Array.from(data, (value) => Math.max(-32768, Math.min(32767, roundHalfEven(value * 32768)))), dims };
}
