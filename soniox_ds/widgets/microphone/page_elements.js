/* The elements of the microphone's page: buttons, clock, level, messages, captions. There is one view for each place where
   the widget is shown. The labels and tooltips of the buttons are defined in buttons.py. */

class MicrophoneView {
  constructor(recorder, root, focus) {
    this.recorder = recorder;
    this.root = root;
    root.classList.add("sx-mic");
    root.replaceChildren();
    const bar = captionElement("div", "sx-bar", { role: "group", "aria-label": "Microphone" });
    this.buttons = Object.fromEntries(CONSTANTS.buttons.map((names) => [
      names[0], controlButton(`sx-button sx-${names[0]}`, () => recorder.act(names.find((name) => recorder.allows(name)))),
    ]));
    this.time = captionElement("span", "sx-clock", { role: "timer", "aria-live": "off" });
    this.cost = captionElement("span", "sx-cost");
    this.permission = captionElement("span", "sx-permission");
    this.device = captionElement("select", "sx-device", { "aria-label": "Microphone device" });
    this.device.dataset.lmSuppressShortcuts = "true";
    this.device.addEventListener("change", () => recorder.choose_device(this.device.value));
    this.meter = captionElement("span", "sx-meter", { role: "meter", "aria-label": "Input level", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" });
    this.meterFill = captionElement("span", "sx-meter-fill");
    this.meter.append(this.meterFill);
    bar.append(...Object.values(this.buttons), this.time, this.meter, this.device);
    const line = captionElement("div", "sx-statusline");
    this.status = captionElement("span", "sx-status", { role: "status" });
    this.link = captionElement("span", "sx-link");
    line.append(this.status, this.permission, this.link, this.cost);
    this.alert = captionElement("div", "sx-alert", { role: "alert", hidden: "" });
    // Numbers in notes change all the time. Screen readers get the notes once, without the numbers.
    this.notes = captionElement("div", "sx-notes", { "aria-hidden": "true" });
    this.told = captionElement("div", "sx-told", { role: "status" });
    const captions = captionElement("div", "");
    root.append(bar, line, this.alert, this.notes, this.told, captions);
    this.captions = new Captions(captions, {
      label: "Live captions",
      empty: "What is said appears here.",
      place: recorder.place,
      moved: (place) => { recorder.place = place; },
      groupBy: recorder.kept.groupBy,
    });
    this.tools = new CaptionTools(root, this.captions, {
      groups: recorder.settings.groups,
      kept: recorder.kept,
      exports: recorder.settings.exports,
      save: (format) => recorder.askForFile(format),
      stop: () => this.playback.player.stop(),
    });
    this.playback = new CaptionPlayback(root, this.captions, {
      longestMs: recorder.settings.longest_clip_ms,
      ask: (message) => recorder.askForClip(message),
      changed: (isPlaying) => this.tools.playing(isPlaying),
      tell: (text) => this.tools.tell(text),
    });
    this.tools.regrouped = () => this.playback.open(this.playback.audio);
    focus.enter(root, { ...this.buttons, device: this.device, log: this.captions.log, ...this.tools.controls });
  }

  close() {
    this.playback.close();
  }

  /** Draw everything anew. */
  redraw() {
    this.captions.clear();
    this.recorder.lines.forEach(({ tokens, ends }) => this.captions.add(tokens, ends));
    this.captions.pending(this.recorder.pendingTokens);
    this.playback.open(null);
    this.show();
  }

  show() {
    const { recorder } = this;
    const { state } = recorder;
    this.root.dataset.state = state;
    CONSTANTS.buttons.forEach((names) => this.showButton(this.buttons[names[0]], names));
    micText(this.status, CONSTANTS.states[recorder.shownState]);
    micText(this.permission, recorder.isActive || state === "gone" ? "" : recorder.permission);
    micText(this.link, recorder.link);
    this.link.title = recorder.whyThisWay;
    this.alert.hidden = !recorder.trouble;
    micText(this.alert, recorder.trouble?.text ?? "");
    this.alert.dataset.kind = recorder.trouble?.kind ?? "";
    micText(this.told, Object.values(recorder.notes).join(" "));
    this.showNotes();
    this.showDevices();
    this.showTime();
    this.showLevel();
    this.showTools();
  }

  showTools() {
    const { playable } = this.recorder;
    if (playable || this.playback.audio) this.playback.open(playable);
    this.tools.show({ canPlay: playable !== null });
  }

  /** A button shows the action of its group that is allowed now, or is disabled. */
  showButton(button, names) {
    const { actions, states } = CONSTANTS;
    const state = this.recorder.shownState;
    const allowed = names.find((name) => this.recorder.allows(name));
    const isWaiting = names.some((name) => actions[name].waits_in.includes(state));
    const { label, tooltip } = actions[allowed ?? names[0]];
    micText(button, isWaiting ? states[state] : label);
    button.title = tooltip;
    disableControl(button, !allowed);
  }

  showNotes() {
    const { notes, figures } = this.recorder;
    micText(this.notes, Object.entries(notes).map(([name, text]) => figures[name] ?? text).join(" "));
    this.notes.hidden = !this.notes.textContent;
  }

  showTime() {
    const { recorder } = this;
    const { usd_per_hour: usdPerHour, service } = recorder.settings;
    micText(this.time, captionClock(recorder.elapsedMs));
    const usd = (recorder.openMs / 3600000) * (usdPerHour ?? 0);
    micText(this.cost, usdPerHour === null ? "stand-in on this machine, free" : `about $${usd.toFixed(usd < 0.1 ? 4 : 2)} at ${service}`);
  }

  showLevel() {
    const decibels = 20 * Math.log10(Math.max(this.recorder.level, 0.001)); // -60 to 0
    const percent = Math.round(((decibels + 60) / 60) * 100);
    this.meterFill.style.width = `${percent}%`;
    this.meterFill.dataset.loud = String(this.recorder.level > 0.98);
    this.meter.setAttribute("aria-valuenow", String(percent));
  }

  showDevices() {
    const { devices, deviceId } = this.recorder;
    const wanted = [["", "Default microphone"], ...devices.map((device, index) => [device.deviceId, device.label || `Microphone ${index + 1}`])];
    const shown = [...this.device.options].map((option) => [option.value, option.text]);
    if (JSON.stringify(shown) !== JSON.stringify(wanted)) {
      this.device.replaceChildren(...wanted.map(([value, label]) => new Option(label, value)));
    }
    this.device.value = wanted.some(([value]) => value === deviceId) ? deviceId : "";
  }
}

function micText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
