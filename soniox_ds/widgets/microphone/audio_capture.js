/* Recording from the microphone: permission, devices, samples. The audio thread delivers chunks of 16 kHz, one channel,
   signed 16 bit, each with its peak. */


/** The source text of the audio thread. It can use nothing else of this file. */
function captureOnAudioThread() {
  /** A rational resampler: a low-pass filter with a Kaiser window and one phase for each upsampled step. */
  class Resampler {
    constructor(from, to) {
      let [high, low] = [from, to];
      while (low) [high, low] = [low, high % low];
      this.up = to / high;
      this.down = from / high;
      const wide = Math.max(this.up, this.down);
      const half = 24 * wide;
      const cutoff = 0.47 / wide;
      const bessel = (x) => {
        let [sum, term] = [1, 1];
        for (let k = 1; k < 30; k += 1) {
          term *= (x / 2 / k) ** 2;
          sum += term;
        }
        return sum;
      };
      const beta = 8;
      const tapsOf = (phase) => Math.ceil((2 * half + 1 - phase) / this.up);
      this.phases = Array.from({ length: this.up }, (_, phase) =>
        Float32Array.from({ length: tapsOf(phase) }, (_unused, tap) => {
          const m = phase + tap * this.up - half;
          const sinc = m === 0 ? 1 : Math.sin(2 * Math.PI * cutoff * m) / (2 * Math.PI * cutoff * m);
          const window = bessel(beta * Math.sqrt(Math.max(0, 1 - (m / half) ** 2))) / bessel(beta);
          return 2 * cutoff * sinc * window * this.up;
        }),
      );
      this.past = tapsOf(0);
      this.samples = new Float32Array(this.past + 4096);
      this.filled = this.past;
      this.at = this.past;
      this.phase = 0;
    }

    push(block, emit) {
      this.samples.set(block, this.filled);
      this.filled += block.length;
      while (this.at < this.filled) {
        const taps = this.phases[this.phase];
        let sum = 0;
        for (let tap = 0; tap < taps.length; tap += 1) sum += taps[tap] * this.samples[this.at - tap];
        emit(sum);
        this.phase += this.down;
        this.at += Math.floor(this.phase / this.up);
        this.phase %= this.up;
      }
      const old = this.filled - this.past;
      this.samples.copyWithin(0, old, this.filled);
      this.filled = this.past;
      this.at -= old;
    }
  }

  class Capture extends AudioWorkletProcessor {
    constructor({ processorOptions }) {
      super();
      this.chunk = new Int16Array(processorOptions.chunkSamples);
      this.count = 0;
      this.peak = 0;
      this.paused = false;
      this.over = false;
      this.ticks = 0;
      this.resampler = sampleRate === processorOptions.rate ? null : new Resampler(sampleRate, processorOptions.rate);
      this.emit = (value) => this.put(value);
      this.port.onmessage = ({ data }) => this.obey(data);
    }

    /** Send the audio before a command, then its answer. */
    obey({ name, number }) {
      this.flush();
      if (name === "pause") this.paused = true;
      if (name === "resume") this.paused = false;
      if (name === "stop") this.over = true;
      this.port.postMessage({ did: number });
    }

    put(value) {
      this.chunk[this.count] = Math.max(-32768, Math.min(32767, Math.round(value * 32767)));
      this.count += 1;
      if (this.count === this.chunk.length) this.flush();
    }

    flush() {
      if (this.count) {
        const { buffer } = this.chunk.slice(0, this.count);
        this.port.postMessage({ buffer, peak: this.peak }, [buffer]);
      }
      this.count = 0;
      this.peak = 0;
    }

    process([channels]) {
      if (this.over) return false; // audio after "stop" belongs to no recording
      if (!channels.length) return true;
      let mono = channels[0];
      if (channels.length > 1) {
        mono = mono.map((_, index) => channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length);
      }
      for (const value of mono) this.peak = Math.max(this.peak, Math.abs(value));
      if (this.paused) {
        this.ticks += mono.length;
        if (this.ticks >= sampleRate / 10) {
          this.port.postMessage({ peak: this.peak });
          this.ticks = 0;
          this.peak = 0;
        }
      } else if (this.resampler) this.resampler.push(mono, this.emit);
      else mono.forEach(this.emit);
      return true;
    }
  }
  registerProcessor("sx-capture", Capture);
}

class Capture {
  /** Opens the microphone. `on` has `audio(buffer)`, `level(peak)`, `gone()`, `muted(isMuted)`.
      Rejects like getUserMedia. */
  static async open({ deviceId, chunkMs, on }) {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      throw Object.assign(new Error("no secure context"), { name: "InsecurePage" });
    }
    const stream = await microphoneStream(deviceId);
    const capture = new Capture(stream, chunkMs, on);
    try {
      await capture.#listen();
    } catch (error) {
      capture.release();
      throw error;
    }
    return capture;
  }

  constructor(stream, chunkMs, on) {
    this.chunkMs = chunkMs;
    this.on = on;
    this.commands = 0;
    this.answers = new Map(); // functions that wait for the answer to a command, by its number
    this.messages = 0; // number of messages from the audio thread
    this.released = false;
    this.#adopt(stream);
  }

  get label() {
    return this.track.label;
  }

  get deviceId() {
    return this.track.getSettings().deviceId;
  }

  /** Send "pause", "resume", "finalize" or "stop". Resolves when all audio before it was handed over. */
  command(name) {
    if (this.released) return Promise.resolve();
    return new Promise((resolve) => {
      // A stopped audio thread does not answer. Looks are counted, not time, because messages of the audio thread are
      // still waiting to be read after the page hung.
      let [looks, seen] = [0, this.messages];
      const timer = setInterval(() => {
        looks = this.messages === seen ? looks + 1 : 0;
        seen = this.messages;
        if (looks >= CONSTANTS.capture.looks) answer();
      }, CONSTANTS.capture.look_ms);
      this.commands += 1;
      const number = this.commands;
      const answer = () => {
        clearInterval(timer);
        this.answers.delete(number);
        resolve();
      };
      this.answers.set(number, answer);
      this.node.port.postMessage({ name, number });
    });
  }

  /** Continue with another device. */
  async switchTo(deviceId) {
    const stream = await microphoneStream(deviceId);
    if (this.released) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    const [before, source] = [this.stream, this.source];
    this.#adopt(stream);
    this.#connect();
    source.disconnect();
    before.getTracks().forEach((track) => track.stop());
  }

  /** Release the microphone at once. */
  release() {
    this.released = true;
    this.stream.getTracks().forEach((track) => track.stop());
    if (this.context && this.context.state !== "closed") this.context.close();
    this.answers.forEach((answer) => answer());
  }

  #adopt(stream) {
    this.stream = stream;
    this.track = stream.getAudioTracks()[0];
    const current = () => !this.released && this.stream === stream;
    this.track.addEventListener("ended", () => current() && this.on.gone());
    this.track.addEventListener("mute", () => current() && this.on.muted(true));
    this.track.addEventListener("unmute", () => current() && this.on.muted(false));
  }

  async #listen() {
    try {
      this.context = new AudioContext({ sampleRate: CONSTANTS.capture.rate }); // the browser resamples well
      this.#makeSource();
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error; // Firefox allows only the device's own rate
      if (this.context) this.context.close();
      this.context = new AudioContext();
      this.#makeSource();
    }
    await this.context.resume();
    const url = URL.createObjectURL(new Blob([`(${captureOnAudioThread})()`], { type: "text/javascript" }));
    try {
      await this.context.audioWorklet.addModule(url);
    } finally {
      URL.revokeObjectURL(url);
    }
    const chunkSamples = Math.round((CONSTANTS.capture.rate * this.chunkMs) / 1000);
    this.node = new AudioWorkletNode(this.context, "sx-capture", { processorOptions: { rate: CONSTANTS.capture.rate, chunkSamples } });
    this.node.port.onmessage = ({ data }) => this.#heard(data);
    const silence = this.context.createGain(); // a graph without a destination is not processed
    silence.gain.value = 0;
    this.node.connect(silence).connect(this.context.destination);
    this.source.connect(this.node);
  }

  #makeSource() {
    this.source = this.context.createMediaStreamSource(this.stream);
  }

  #connect() {
    this.#makeSource();
    this.source.connect(this.node);
  }

  #heard({ buffer, peak, did }) {
    this.messages += 1;
    if (did) {
      this.answers.get(did)?.();
      return;
    }
    if (this.released) return;
    if (buffer) this.on.audio(buffer);
    this.on.level(peak);
  }
}

function microphoneStream(deviceId) {
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  if (deviceId) audio.deviceId = { exact: deviceId };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/** The available microphones, as `{deviceId, label}`. Without permission the labels are empty. */
async function microphones() {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId !== "default" && device.deviceId);
}

/** Describe an error of the microphone and its remedy in plain words: `{kind, text}`. */
async function microphoneTrouble(error) {
  const say = (kind, text) => ({ kind, text });
  if (error.name === "InsecurePage") {
    return window.isSecureContext
      ? say("unsupported", "This browser offers no microphone to web pages. Open the notebook in a current Chrome, Edge, Firefox or Safari.")
      : say("insecure", `Browsers give the microphone only to secure pages, and ${location.origin} is none. Open the notebook at https://…, or at http://localhost (from another machine through a tunnel: ssh -L ${location.port || 8888}:localhost:${location.port || 8888} …).`);
  }
  if (error.name === "NotAllowedError" || error.name === "SecurityError") {
    if (location.protocol.startsWith("vscode")) {
      return say("vscode", "VS Code gives notebook outputs no microphone. Open the same notebook in a browser (JupyterLab), or transcribe a file.");
    }
    const policy = document.permissionsPolicy ?? document.featurePolicy;
    if (policy && !policy.allowsFeature("microphone")) {
      return say("policy", "The page around this notebook does not pass the microphone on: its frame lacks allow=\"microphone\", or its server forbids it (Permissions-Policy). Open the notebook in a tab of its own.");
    }
    if (/system/iu.test(error.message)) {
      return say("system", "The operating system does not let this browser use the microphone. Allow it in the system's privacy settings, then press Start.");
    }
    const state = await microphonePermission();
    return state === "prompt"
      ? say("dismissed", "The question for the microphone was closed without an answer. Press Start again and choose Allow.")
      : say("denied", "The microphone was refused for this site. Click the icon left of the page's address, allow the microphone, then press Start.");
  }
  if (error.name === "NotFoundError") return say("none", "No microphone was found. Plug one in, or switch it on in the system's sound settings, then press Start.");
  if (error.name === "NotReadableError" || error.name === "AbortError") return say("busy", "The microphone cannot be opened: another program uses it, or its driver failed. Close the other program, or choose another device.");
  if (error.name === "OverconstrainedError") return say("missing", "The chosen microphone is no longer there. Choose another one, then press Start.");
  return say("other", `The microphone could not be opened (${error.name}: ${error.message}).`);
}

/** Find out what Start will meet, without asking for the microphone. `state` is the permission ("granted", "prompt",
    "denied", "unknown"). If Start cannot record, `kind` and `text` say why, and what to do. */
async function microphoneOutlook() {
  const state = await microphonePermission();
  const because = async (name) => ({ state, ...await microphoneTrouble({ name, message: "" }) });
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return because("InsecurePage");
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  const isRefused = state === "denied" || location.protocol.startsWith("vscode");
  if (isRefused || (policy && !policy.allowsFeature("microphone"))) return because("NotAllowedError");
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (!devices.some((device) => device.kind === "audioinput")) return because("NotFoundError");
  return { state, kind: "", text: "" };
}

/** Call `changed` whenever the user changes the permission. Returns a function that ends this. */
function whenPermissionChanges(changed) {
  let status = null;
  let isOver = false;
  navigator.permissions?.query({ name: "microphone" }).then(
    (found) => {
      if (isOver) return;
      status = found;
      status.addEventListener("change", changed);
    },
    () => {}, // a browser that does not report it
  );
  return () => {
    isOver = true;
    status?.removeEventListener("change", changed);
  };
}

async function microphonePermission() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state;
  } catch {
    return "unknown"; // in browsers that do not report it
  }
}
