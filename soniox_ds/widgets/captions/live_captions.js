/* Playback of a recording that is transcribed meanwhile. The page reports the position to the kernel, which answers
with
   the transcript; captions.js draws it. */

const PLAY_TICK_MS = 100;
const PLAY_LAGS = 40;

class LiveCaptionsView {
  constructor(model, el, kept) {
    this.model = model;
    this.settings = model.get("settings");
    this.kept = kept;
    kept.groupBy ??= this.settings.group_by;
    this.isPlaying = false;
    this.hasSession = false;
    this.build(el);
    this.drawLag();
    this.onMessage = (message, buffers) => this.heard(message, buffers);
    model.on("msg:custom", this.onMessage);
    this.timer = setInterval(() => this.tick(), PLAY_TICK_MS);
    this.tell({ type: "hello" });
  }

  build(el) {
    const root = captionElement("div", "sx-live", { role: "group", "aria-label": "Live captions of a recording" });
    const bar = captionElement("div", "sx-live-bar");
    this.playButton = this.button("▶ Play", "Play the recording from its beginning", () => this.toggle());
    disableControl(this.playButton, true);
    this.stopButton = this.button("■ Stop", "Stop playing", () => this.stop());
    disableControl(this.stopButton, true);
    this.title = captionElement("span", "sx-live-title", { dir: "auto" });
    this.title.textContent = this.settings.title;
    this.clock = captionElement("span", "sx-live-clock");
    this.status = captionElement("span", "sx-live-status", { role: "status" });
    this.status.textContent = "fetching the recording…";
    bar.append(this.playButton, this.stopButton, this.clock, this.title, this.status);
    this.bar = captionElement("progress", "sx-live-progress", { max: "1", value: "0", "aria-label": "Played so far" });
    this.lag = captionElement("div", "sx-live-lag");
    this.alert = captionElement("div", "sx-live-alert", { role: "alert", hidden: "" });
    const captions = captionElement("div", "sx-live-captions");
    root.append(bar, this.bar, this.alert, captions, this.lag);
    el.replaceChildren(root);
    this.captions = new Captions(captions, {
      label: "Live captions",
      empty: "Press Play: words appear as they are recognized.",
      place: this.kept.place,
      moved: (place) => { this.kept.place = place; },
      groupBy: this.kept.groupBy,
    });
    this.tools = new CaptionTools(captions, this.captions, { groups: this.settings.groups, kept: this.kept });
    this.tools.show();
    this.root = root;
    this.kept.focus.enter(root, { play: this.playButton, stop: this.stopButton, log: this.captions.log, ...this.tools.controls });
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.addEventListener("ended", () => this.ended());
    this.audio.addEventListener("error", () => this.fail("This browser cannot play the recording (Ogg Opus)."));
    this.drawClock();
  }

  button(text, label, action) {
    const button = controlButton("sx-live-button", action);
    button.setAttribute("aria-label", label);
    button.title = label;
    button.textContent = text;
    return button;
  }

  tell(message) {
    try {
      this.model.send(message);
      return true;
    } catch {
      this.silence();
      this.fail("The kernel was restarted or has ended; run the cell again.");
      return false;
    }
  }

  heard(message, buffers) {
    if (message.type === "audio") this.load(buffers[0]);
    else if (message.type === "so_far") this.soFar(message);
    else if (message.type === "playing") this.begin();
    else if (message.type === "update") this.update(message);
    else if (message.type === "state") this.state(message.state);
    else if (message.type === "over") this.over(message);
  }

  load(buffer) {
    const bytes = buffer instanceof DataView ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : buffer;
    this.release();
    this.url = URL.createObjectURL(new Blob([bytes], { type: "audio/ogg" }));
    this.audio.src = this.url;
    disableControl(this.playButton, false);
    this.status.textContent = "ready";
  }

  soFar(message) {
    this.captions.clear();
    this.captions.add(message.settled, message.ends);
    this.tools.show();
    this.status.textContent = message.state;
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else if (this.hasSession) this.go();
    else if (this.tell({ type: "play" })) {
      disableControl(this.playButton, true);
      this.status.textContent = "connecting…";
      this.alert.hidden = true;
    }
  }

  begin() {
    this.captions.clear();
    this.captions.follow();
    this.kept.lags = { shown: [], settled: [] };
    this.hasSession = true;
    this.audio.currentTime = 0;
    this.kept.atMs = 0;
    this.go();
  }

  async go() {
    disableControl(this.playButton, false);
    disableControl(this.stopButton, false);
    try {
      await this.audio.play();
    } catch (error) {
      this.fail(`The browser did not play it (${error.name}); press Play again.`);
      this.tell({ type: "pause" });
      return;
    }
    this.isPlaying = true;
    this.drawButton();
  }

  pause() {
    this.audio.pause();
    this.isPlaying = false;
    this.tell({ type: "pause" });
    this.drawButton();
  }

  stop() {
    this.silence();
    if (this.hasSession) this.tell({ type: "stop" });
    disableControl(this.stopButton, true);
    disableControl(this.playButton, this.hasSession);
  }

  ended() {
    this.isPlaying = false;
    this.kept.atMs = this.settings.duration_ms;
    this.drawClock();
    this.tell({ type: "ended" });
    disableControl(this.stopButton, true);
    disableControl(this.playButton, true);
    this.drawButton();
  }

  over(message) {
    this.hasSession = false;
    this.silence();
    this.captions.pending([]);
    disableControl(this.playButton, false);
    disableControl(this.stopButton, true);
    this.status.textContent = message.state;
    if (message.trouble) this.fail(message.trouble);
  }

  state(state) {
    this.status.textContent = { open: "live", silent: "no answer from the service…", reconnecting: "connection lost, connecting anew…", connecting: "connecting…" }[state] || state;
  }

  update(message) {
    const nowMs = this.audio.currentTime * 1000;
    this.measure(this.kept.lags.settled, message.settled, nowMs);
    this.measure(this.kept.lags.shown, message.pending, nowMs);
    this.captions.add(message.settled, message.ends);
    this.captions.pending(message.pending);
    this.tools.show();
    this.drawLag();
  }

  measure(lags, tokens, nowMs) {
    const ends = tokens.filter((token) => typeof token.end_ms === "number").map((token) => token.end_ms);
    if (!this.isPlaying || !ends.length) return;
    lags.push(Math.max(0, nowMs - Math.max(...ends)));
    if (lags.length > PLAY_LAGS) lags.shift();
  }

  tick() {
    if (!this.isPlaying) return;
    this.kept.atMs = this.audio.currentTime * 1000;
    this.tell({ type: "at", ms: this.kept.atMs });
    this.drawClock();
  }

  drawClock() {
    const total = this.settings.duration_ms;
    const at = Math.min(this.kept.atMs, total);
    this.clock.textContent = `${captionClock(at)} / ${captionClock(total)}`;
    this.bar.value = total ? at / total : 0;
  }

  drawButton() {
    this.playButton.textContent = this.isPlaying ? "❙❙ Pause" : "▶ Play";
    this.playButton.setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
  }

  drawLag() {
    const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const parts = [];
    if (this.kept.lags.shown.length) parts.push(`shown ${(median(this.kept.lags.shown) / 1000).toFixed(1)} s`);
    if (this.kept.lags.settled.length) parts.push(`settled ${(median(this.kept.lags.settled) / 1000).toFixed(1)} s`);
    this.lag.textContent = parts.length ? `Latest word ${parts.join(", ")} after it was heard (median)` : "";
  }

  fail(text) {
    this.alert.textContent = text;
    this.alert.hidden = false;
  }

  silence() {
    this.audio.pause();
    this.isPlaying = false;
    this.drawButton();
  }

  release() {
    if (this.url) URL.revokeObjectURL(this.url);
  }

  dispose() {
    clearInterval(this.timer);
    this.stop();
    this.model.off("msg:custom", this.onMessage);
    this.kept.focus.leave(this.root);
    this.audio.removeAttribute("src");
    this.release();
  }
}

export default () => {
  // State that the views of a widget share, because at the end the kernel draws the output anew.
  const kept = { lags: { shown: [], settled: [] }, atMs: 0, place: {}, focus: new FocusMemory() };
  return {
    render({ model, el }) {
      const view = new LiveCaptionsView(model, el, kept);
      return () => view.dispose();
    },
  };
};
