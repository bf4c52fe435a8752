// Writes src/assets/sample.wav: two utterances of a synthetic voice, a second of quiet around each. Pulses of the vocal folds go through the
// formants of vowels (Peterson and Barney, 1952), four syllables a second, each with a breath of noise in front of it.
import { writeFileSync } from 'node:fs';

const RATE = 16_000;
const VOWELS = { a: [730, 1090, 2440], e: [530, 1840, 2480], i: [270, 2290, 3010], o: [570, 840, 2410], u: [300, 870, 2240] };
const BANDWIDTHS = [80, 100, 140];
const UTTERANCES = [
  { from: 1, seconds: 1.5, vowels: 'aeioua' },
  { from: 3.5, seconds: 2, vowels: 'uoaie' },
];
const SECONDS = 6.5;

/** A generator of equal numbers on every machine, -1 to 1. */
function createNoise() {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed / 2 ** 32) * 2 - 1;
  };
}

/** A digital resonator of second order. */
function createResonator() {
  let [last, secondLast] = [0, 0];
  return (input, frequency, bandwidth) => {
    const radius = Math.exp((-Math.PI * bandwidth) / RATE);
    const feedback = 2 * radius * Math.cos((2 * Math.PI * frequency) / RATE);
    const output = (1 - feedback + radius ** 2) * input + feedback * last - radius ** 2 * secondLast;
    [secondLast, last] = [last, output];
    return output;
  };
}

function speak(seconds, vowels, noise) {
  const resonators = [0, 1, 2, 3].map(createResonator);
  let phase = 0;
  return Float32Array.from({ length: seconds * RATE }, (_, i) => {
    const time = i / RATE;
    const syllable = Math.floor(time * 4);
    const within = time * 4 - syllable;
    const [from, to] = [syllable, syllable + 1].map((index) => VOWELS[vowels[index % vowels.length]]);
    phase += (120 * (1 + 0.15 * Math.sin(2 * Math.PI * 0.7 * time)) * (1 + 0.01 * noise())) / RATE;
    const pulse = phase >= 1 ? 8 : 0;
    phase %= 1;
    const loudness = Math.min(1, within / 0.12, (1 - within) / 0.15);
    const glide = Math.max(0, (within - 0.6) / 0.4);
    let sound = pulse * loudness + (within < 0.14 ? 0.1 : 0.004) * noise();
    for (const [index, bandwidth] of BANDWIDTHS.entries()) sound = resonators[index](sound, from[index] * (1 - glide) + to[index] * glide, bandwidth);
    return resonators[3](sound, 3500, 250);
  });
}

function wav(samples) {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(2 * RATE, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (const [i, sample] of samples.entries()) bytes.writeInt16LE(Math.round(32767 * sample), 44 + 2 * i);
  return bytes;
}

const noise = createNoise();
const samples = Float32Array.from({ length: SECONDS * RATE }, () => 0.0005 * noise());
for (const { from, seconds, vowels } of UTTERANCES) {
  const voice = speak(seconds, vowels, noise);
  const peak = voice.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of voice.entries()) samples[from * RATE + i] += (0.6 / peak) * value;
}
writeFileSync(new URL('../src/assets/sample.wav', import.meta.url), wav(samples));
