// The waveform of a clip: bars, as high as the sound is loud.

const PEAKS_MS = 10;

/** The greatest amplitude in each hundredth of a second (`PEAKS_MS`) of a file. */
async function peaksOf(bytes) {
  const context = new OfflineAudioContext(1, 1, 8000);
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  const copy = view.slice().buffer; // decoding takes the buffer away
  const samples = (await context.decodeAudioData(copy)).getChannelData(0);
  const peaks = new Array(Math.ceil(samples.length / 80)).fill(0);
  for (let place = 0; place < samples.length; place += 1) {
    const bin = Math.floor(place / 80);
    peaks[bin] = Math.max(peaks[bin], Math.abs(samples[place]));
  }
  return peaks;
}

/**
 * Draw a waveform, and return the brush for further marks in CSS pixels. `room` is left free below. `styleAt(share)` is
 * called from left to right with the place of each bar, from 0 to 1, and returns {colour, isClear}: a colour or null for
 * that of the canvas, and whether the bar is drawn clearly or faintly.
 */
function drawWaveform(canvas, { width, height, room = 0, peaks }, styleAt) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const brush = canvas.getContext("2d");
  brush.scale(scale, scale);
  const { color } = getComputedStyle(canvas);
  const loudest = Math.max(...peaks, 0.05);
  const bars = Math.floor(width / 3);
  const middle = (height - room) / 2;
  for (let bar = 0; bar < bars; bar += 1) {
    const first = Math.floor((bar * peaks.length) / bars);
    const last = Math.max(Math.floor(((bar + 1) * peaks.length) / bars), first + 1);
    const peak = peaks.length ? Math.max(...peaks.slice(first, last)) / loudest : 0;
    const { colour, isClear } = styleAt((bar + 0.5) / bars);
    brush.fillStyle = colour || color;
    brush.globalAlpha = isClear ? 1 : 0.45;
    const half = Math.max(peak * (middle - 1), 0.5);
    brush.fillRect(bar * 3, middle - half, 2, 2 * half);
  }
  brush.globalAlpha = 1;
  return brush;
}
