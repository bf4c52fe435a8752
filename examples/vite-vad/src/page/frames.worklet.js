/** Hands the microphone's sound out in windows of 512 samples. */
class Frames extends AudioWorkletProcessor {
  window = new Float32Array(512);
  filled = 0;

  process([[channel] = []]) {
    if (channel === undefined) return true;
    // 128 samples at a time, of which four make a window.
    this.window.set(channel, this.filled);
    this.filled += channel.length;
    if (this.filled === this.window.length) {
      this.port.postMessage(this.window.slice(), []);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor('frames', Frames);
