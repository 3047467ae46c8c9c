// The player: a stretch of the recording at a time, which the kernel cuts, with its waveform.

const KEPT_STRETCHES = 6;
const ERROR_COLOURS = { S: "rgb(213,94,0)", D: "rgb(0,114,178)", I: "rgb(190,130,0)" };
const REST_MS = 200; // so that no sound is cut of recordings that one passes on the way to others
const STEP_MS = 1000; // of the arrow keys
const MARKS_PX = 8; // room below the waveform, for marks of errors

class Player {
  /** `ask` requests a stretch of a recording; `heard` is called with the time while it is played, and null at rest. */
  constructor(parts, stretchMs, ask, heard) {
    this.parts = parts;
    this.stretchMs = stretchMs;
    this.ask = ask;
    this.heard = heard;
    this.audio = new Audio();
    this.stretches = new Map(); // "start audio_id" -> {url, peaks}, the latest last
    this.recording = null;
    this.start = 0; // of the stretch that is shown
    this.from = null; // the time from which to play once the stretch arrives
    this.frame = 0;
    parts.play.addEventListener("click", () => this.toggle());
    parts.before.addEventListener("click", () => this.#show(this.start - this.stretchMs));
    parts.after.addEventListener("click", () => this.#show(this.start + this.stretchMs));
    parts.track.addEventListener("click", (event) => {
      const { left, width } = parts.track.getBoundingClientRect();
      this.seek(this.start + ((event.clientX - left) / width) * this.#lengthMs());
    });
    parts.track.addEventListener("keydown", (event) => this.#typed(event));
    for (const name of ["play", "pause", "ended", "seeked", "loadedmetadata"]) {
      this.audio.addEventListener(name, () => this.#draw());
    }
    this.audio.addEventListener("ended", () => this.#goOn());
    this.resized = new ResizeObserver(() => this.#drawWave());
    this.resized.observe(parts.track);
  }

  /** Show another recording: {audio_id, duration_ms, reason, words}; `words` have start, end, colour and kind. */
  show(recording) {
    this.audio.pause();
    clearTimeout(this.later);
    this.recording = recording;
    this.from = null;
    this.parts.controls.hidden = this.parts.track.hidden = Boolean(recording.reason);
    this.#tell(recording.reason ? `No sound: ${recording.reason}` : "");
    if (!recording.reason) this.#show(0);
  }

  get timeMs() {
    return this.#isLoaded() ? this.start + 1000 * this.audio.currentTime : this.start;
  }

  toggle() {
    if (!this.recording || this.recording.reason) return;
    if (!this.audio.paused && !this.audio.ended) this.audio.pause();
    else this.play(this.audio.ended ? this.start : this.timeMs);
  }

  play(timeMs) {
    if (!this.recording || this.recording.reason) return;
    this.from = timeMs;
    const start = Math.floor(timeMs / this.stretchMs) * this.stretchMs;
    if (start !== this.start || !this.#isLoaded()) this.#show(start, timeMs);
    else this.#begin();
  }

  /** Go to a time; if the recording is being played, go on from there. */
  seek(timeMs) {
    const time = Math.min(Math.max(timeMs, 0), this.recording?.duration_ms ?? Infinity);
    if (!this.audio.paused) this.play(time);
    else if (this.#isLoaded() && time >= this.start && time < this.start + this.stretchMs) {
      this.audio.currentTime = (time - this.start) / 1000;
    } else this.#show(Math.floor(time / this.stretchMs) * this.stretchMs);
  }

  /** A stretch has arrived, or the reason why there is none. */
  async arrived({ audio_id, start_ms, mime, reason, problem }, buffers) {
    const stretch = { url: "", peaks: [], reason: reason || problem || "" };
    if (buffers?.length) {
      stretch.url = URL.createObjectURL(new Blob([buffers[0]], { type: mime }));
      try {
        stretch.peaks = await peaksOf(buffers[0]);
      } catch (error) {
        stretch.reason = `the browser cannot decode it: ${error.message}`;
      }
    }
    this.stretches.set(`${start_ms} ${audio_id}`, stretch);
    for (const [key, { url }] of this.stretches) {
      if (this.stretches.size <= KEPT_STRETCHES) break;
      this.stretches.delete(key);
      if (url) URL.revokeObjectURL(url);
    }
    if (audio_id === this.recording?.audio_id && start_ms === this.start) this.#load(stretch);
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.later);
    this.resized.disconnect();
    this.audio.pause();
    this.audio.removeAttribute("src");
    for (const { url } of this.stretches.values()) if (url) URL.revokeObjectURL(url);
  }

  #show(start, from = null) {
    this.audio.pause();
    this.start = Math.max(start, 0);
    this.from = from;
    const stretch = this.#stretch();
    if (stretch) this.#load(stretch);
    else {
      this.audio.removeAttribute("src");
      clearTimeout(this.later);
      const { recording: { audio_id }, start: wanted } = this;
      this.later = setTimeout(() => this.ask(audio_id, wanted), from === null ? REST_MS : 0);
      this.#draw();
      this.#drawWave();
    }
  }

  #load(stretch) {
    if (stretch.url) this.audio.src = stretch.url;
    this.#tell(stretch.reason ? `No sound: ${stretch.reason}` : "");
    this.#drawWave();
    this.#draw();
    if (this.from !== null) this.#begin();
  }

  #begin() {
    const { from } = this;
    this.from = null;
    if (!this.#isLoaded()) return;
    this.audio.currentTime = Math.max((from - this.start) / 1000, 0);
    this.audio.play().catch((error) => this.#tell(`The browser does not play it: ${error.message}`));
  }

  #goOn() {
    const next = this.start + this.stretchMs;
    if (next < (this.recording?.duration_ms ?? 0)) this.play(next);
  }

  #stretch() {
    return this.stretches.get(`${this.start} ${this.recording?.audio_id}`);
  }

  #isLoaded() {
    const url = this.#stretch()?.url;
    return Boolean(url) && this.audio.src === url;
  }

  #lengthMs() {
    const whole = this.recording?.duration_ms ?? (this.#isLoaded() && this.audio.duration ? 1000 * this.audio.duration : 0);
    return Math.min(Math.max(whole - this.start, 1), this.stretchMs);
  }

  #tell(text) {
    this.parts.reason.textContent = text;
    this.parts.reason.hidden = !text;
  }

  #draw() {
    cancelAnimationFrame(this.frame);
    const { play, time, track, played, before, after } = this.parts;
    const isPlaying = !this.audio.paused && !this.audio.ended;
    const duration = this.recording?.duration_ms ?? this.#lengthMs();
    play.textContent = isPlaying ? "❚❚ Pause" : "▶ Play";
    before.parentElement.hidden = duration <= this.stretchMs;
    before.disabled = this.start === 0;
    after.disabled = this.start + this.stretchMs >= duration;
    const now = this.timeMs;
    time.textContent = `${clock(now)} / ${clock(duration)}`;
    track.setAttribute("aria-valuemax", String(Math.round(duration / 100) / 10));
    track.setAttribute("aria-valuenow", String(Math.round(Math.min(now, duration) / 100) / 10));
    track.setAttribute("aria-valuetext", `${clock(now)} of ${clock(duration)}`);
    played.style.width = `${Math.min((100 * (now - this.start)) / this.#lengthMs(), 100)}%`;
    this.heard(isPlaying ? now : null);
    if (isPlaying) this.frame = requestAnimationFrame(() => this.#draw());
  }

  #drawWave() {
    const { canvas, track } = this.parts;
    const { clientWidth: width, clientHeight: height } = track;
    if (!width || !height || !this.recording) return;
    const lengthMs = this.#lengthMs();
    const peaks = this.#stretch()?.peaks ?? [];
    const words = this.recording.words.filter(({ start, end }) => start !== null && end >= this.start && start <= this.start + lengthMs);
    let place = 0;
    const brush = drawWaveform(canvas, { width, height, room: MARKS_PX, peaks }, (share) => {
      const timeMs = this.start + share * lengthMs;
      while (place + 1 < words.length && words[place].end <= timeMs) place += 1;
      const word = words[place];
      const isSpoken = Boolean(word) && word.start <= timeMs + 60 && timeMs - 60 < word.end;
      return { colour: isSpoken ? word.colour : null, isClear: isSpoken };
    });
    for (const { kind, start, end } of words) {
      if (!kind) continue;
      brush.fillStyle = ERROR_COLOURS[kind];
      const left = ((start - this.start) / lengthMs) * width;
      brush.fillRect(left, height - 5, Math.max(((end - start) / lengthMs) * width, 3), 4);
    }
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["ArrowRight", "ArrowUp"].includes(event.key)) this.seek(this.timeMs + STEP_MS);
    else if (["ArrowLeft", "ArrowDown"].includes(event.key)) this.seek(this.timeMs - STEP_MS);
    else if (event.key === "Home") this.seek(0);
    else if (event.key === "End") this.seek((this.recording?.duration_ms ?? 0) - STEP_MS);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
