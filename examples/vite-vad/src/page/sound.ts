import workletUrl from './frames.worklet.js?url&no-inline';
import { SAMPLE_RATE, WINDOW } from '../vad/detector.ts';

/** The sound of a file in windows, mixed to one channel of 16 kHz; the end is filled up with silence. */
export async function windowsOf(file: Blob): Promise<Float32Array[]> {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
  const decoded = await context.decodeAudioData(await file.arrayBuffer());
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, channel) => decoded.getChannelData(channel));
  const count = Math.ceil(decoded.length / WINDOW);
  return Array.from({ length: count }, (_, index) => {
    const mean = (i: number): number => channels.reduce((sum, channel) => sum + (channel[index * WINDOW + i] ?? 0), 0) / channels.length;
    return Float32Array.from({ length: WINDOW }, (_, i) => mean(i));
  });
}

/** Listens to the microphone until the returned function is called. */
export async function listen(onWindow: (window: Float32Array) => void): Promise<() => Promise<void>> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } });
  // The browser brings the microphone to this rate.
  const context = new AudioContext({ sampleRate: SAMPLE_RATE });
  await context.audioWorklet.addModule(workletUrl);
  const frames = new AudioWorkletNode(context, 'frames');
  frames.port.addEventListener('message', ({ data }: MessageEvent<Float32Array>) => onWindow(data));
  frames.port.start();
  context.createMediaStreamSource(stream).connect(frames);
  return async () => {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
  };
}
