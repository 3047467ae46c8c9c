/* Plays clips of recordings that the kernel cuts. It draws nothing: a view tells it what to play, and is told what it
   plays and why it does not. */

const CLIP_BUSY_MS = 4000; // after so long without an answer, the kernel is reported as busy
const CLIPS_KEPT = 30;

class ClipPlayer {
  /**
   * `ask({type: "clip", audio_id, start_ms, end_ms})` requests a clip from the kernel. `drawn(span, timeMs)` is called
   * while a span is played, with the time in the recording, and with (null, null) when it ends; `tell(text)` when
   * something is in the way, and with "" when it no longer is.
   */
  constructor({ longestMs, ask, drawn, tell }) {
    Object.assign(this, { longestMs, ask, drawn, tell });
    this.audio = new Audio();
    this.urls = new Map(); // of the clips that have arrived, the latest last
    this.asked = new Set();
    this.span = null; // {audio_id, start_ms, end_ms}: what is to be heard
    this.start = 0; // of the piece of the span that is played
    this.busy = 0;
    this.frame = 0;
    this.audio.addEventListener("playing", () => this.#draw());
    this.audio.addEventListener("ended", () => this.#goOn());
  }

  /** Play a span {audio_id, start_ms, end_ms}. If it is being played, stop it. */
  toggle(span) {
    const same = this.span && ["audio_id", "start_ms", "end_ms"].every((name) => span[name] === this.span[name]);
    if (same) this.stop();
    else this.play(span);
  }

  play(span) {
    this.stop();
    this.tell("");
    this.span = span;
    this.start = span.start_ms;
    this.#begin();
  }

  stop() {
    clearTimeout(this.busy);
    cancelAnimationFrame(this.frame);
    this.audio.pause();
    this.span = null;
    this.drawn(null, null);
  }

  /** The kernel's answer: a clip, or the reason why there is none. */
  arrived(message, buffers) {
    const key = clipKey(message);
    this.asked.delete(key);
    if (buffers?.length) {
      this.urls.set(key, URL.createObjectURL(new Blob([buffers[0]], { type: message.mime })));
      for (const [old, url] of this.urls) {
        if (this.urls.size <= CLIPS_KEPT) break;
        this.urls.delete(old);
        URL.revokeObjectURL(url);
      }
    }
    if (!this.span || clipKey(this.#piece()) !== key) return;
    if (message.reason) {
      const isFirst = this.start === this.span.start_ms; // a span may end a little after the audio
      this.stop();
      if (isFirst) this.tell(`No sound: ${message.reason}.`);
    } else this.#begin();
  }

  close() {
    this.stop();
    this.audio.removeAttribute("src");
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
  }

  #piece(start = this.start) {
    const { audio_id, end_ms } = this.span;
    return { audio_id, start_ms: start, end_ms: Math.min(end_ms, start + this.longestMs) };
  }

  #request(piece) {
    const key = clipKey(piece);
    if (this.urls.has(key) || this.asked.has(key)) return;
    this.asked.add(key);
    this.ask({ type: "clip", ...piece });
  }

  #begin() {
    const piece = this.#piece();
    const url = this.urls.get(clipKey(piece));
    clearTimeout(this.busy);
    if (!url) {
      this.#request(piece);
      this.busy = setTimeout(() => this.tell("The kernel is busy. The sound follows when it has time."), CLIP_BUSY_MS);
      return;
    }
    this.tell("");
    this.audio.src = url;
    this.audio.play().catch((error) => {
      if (error.name === "AbortError") return; // another clip was chosen meanwhile
      this.stop();
      this.tell(`The browser does not play this clip: ${error.message}`);
    });
    if (piece.end_ms < this.span.end_ms) this.#request(this.#piece(piece.end_ms));
  }

  #goOn() {
    if (!this.span) return;
    this.start = this.#piece().end_ms;
    if (this.start >= this.span.end_ms) this.stop();
    else this.#begin();
  }

  #draw() {
    cancelAnimationFrame(this.frame);
    if (!this.span) return;
    this.drawn(this.span, this.start + 1000 * this.audio.currentTime);
    if (!this.audio.paused) this.frame = requestAnimationFrame(() => this.#draw());
  }
}

function clipKey({ audio_id, start_ms, end_ms }) {
  return JSON.stringify([audio_id, start_ms, end_ms]);
}
