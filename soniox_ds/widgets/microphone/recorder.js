/* The page's half of the recorder, one for each widget of a page. It owns the microphone and all connections; the views
   only show it, and may come and go. */

const MIC_STILL_OPEN = "This page does not record, but a recording goes on and is billed: in another page, or in this one before it was loaded again. Where that page is gone, it ends by itself in some seconds; Stop ends it now.";
const MIC_PERMISSIONS = { granted: "microphone allowed", prompt: "the browser will ask for the microphone", denied: "microphone refused" };
const MIC_RECONNECTING = "Reconnecting to the service; nothing is lost.";
const MIC_KERNEL_GONE = "The kernel was restarted or has ended, so the microphone is off. What was said until then is below; run the cell again to go on.";

class Recorder {
  constructor(model) {
    this.model = model;
    this.settings = model.get("settings");
    this.page = micRandomName();
    this.comm = new CommChannel(model, () => this.kernelGone());
    this.views = new Set();
    this.state = "idle";
    this.trouble = null; // {kind, text}
    this.notes = {}; // further messages to the user: name -> text
    this.figures = {}; // the same messages with numbers, which change all the time: name -> text
    this.link = ""; // description of the audio's route
    this.whyThisWay = "";
    this.elsewhere = null; // state of a take on another page of this widget: "recording", "paused", "finishing"
    this.place = {}; // scroll position of the captions
    this.kept = { groupBy: this.settings.group_by }; // choices of the reader
    this.level = 0;
    this.elapsedMs = 0; // duration of the recording
    this.openMs = 0; // duration that is billed, which includes pauses
    this.deviceId = "";
    this.devices = [];
    this.permission = ""; // what Start will find, in words
    this.lines = []; // contents for the views: {tokens, ends}
    this.pendingTokens = [];
    this.settledCount = 0;
    this.offer = null;
    this.requests = new Map(); // requests for keys, by name: {message, answered}
    this.files = new Map(); // requests for files, by name: the functions that take the answers
    this.heardAudio = null; // {audio_id, duration_ms} of the recording that is shown, if the kernel has its audio
    this.silentMs = 0; // time since the last message of the kernel, counted while this page is awake
    this.tickedAt = performance.now();
    this.wallAt = Date.now(); // of the latest tick, and how much was recorded by then
    this.heardAtTick = 0;
    this.gap = null; // a gap without ticks: {at, heardMs, looks}
    this.gone = false;
    this.turn = Promise.resolve(); // button presses are handled one after the other
    this.onMessage = (message, buffers) => this.heard(message, this.comm, buffers);
    this.onLive = () => this.comm.send({ type: "beat", take: "" }); // fails if the kernel has ended
    model.on("msg:custom", this.onMessage);
    model.on("comm_live_update", this.onLive);
    this.onDevices = () => this.listDevices();
    navigator.mediaDevices?.addEventListener?.("devicechange", this.onDevices);
    this.closing = new PageClosing(this);
    this.timer = setInterval(() => this.tick(), CONSTANTS.recorder.tick_ms);
    this.stopsLooking = whenPermissionChanges(() => this.listDevices());
    this.listDevices();
    this.comm.send({ type: "hello", page: this.page, origin: location.origin });
  }

  get isActive() {
    return CONSTANTS.active_states.includes(this.state);
  }

  /** The recording whose words can be heard, or null while a recording goes on or its audio is not kept. */
  get playable() {
    return this.isActive || this.elsewhere || this.state === "gone" ? null : this.heardAudio;
  }

  /** The state that is shown, by which buttons are allowed. */
  get shownState() {
    return this.elsewhere && !this.isActive && this.state !== "gone" ? `${this.elsewhere}_elsewhere` : this.state;
  }

  /** Clean up when the widget is removed for good. */
  dispose() {
    this.stop();
    clearInterval(this.timer);
    this.model.off("msg:custom", this.onMessage);
    this.model.off("comm_live_update", this.onLive);
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.onDevices);
    this.stopsLooking();
    this.closing.dispose();
  }

  // ---- views

  attach(view) {
    this.views.add(view);
    this.closing.viewAdded();
    view.redraw();
  }

  detach(view) {
    this.views.delete(view);
    this.closing.viewRemoved();
  }

  show() {
    this.views.forEach((view) => view.show());
  }

  set(state, trouble = this.trouble) {
    this.state = state;
    this.trouble = trouble;
    this.show();
  }

  /** Show a message, or remove it with "". `figured` is the same message with numbers, which only the eye gets. */
  note(name, text, figured = text) {
    const isNew = (this.notes[name] ?? "") !== text;
    if (text) [this.notes[name], this.figures[name]] = [text, figured];
    else delete this.notes[name];
    if (isNew) this.show();
    else this.views.forEach((view) => view.showNotes());
  }

  // ---- actions of the buttons

  allows(name) {
    return Boolean(CONSTANTS.actions[name]?.allowed_in.includes(this.shownState));
  }

  /** Carry out an action of the table if it is allowed now. By default the kernel does it, behind the audio so far. */
  async act(name) {
    if (!this.allows(name)) return;
    const steps = { start: () => this.start(), stop: () => this.stop(), pause: () => this.pause(), resume: () => this.resume() };
    await (steps[name] ?? (() => this.pass(name)))();
  }

  /** Let the kernel do an action, once it has all audio before it. */
  pass(name) {
    return this.inTurn(async (take) => {
      await take.capture.command(name);
      this.control(take, name);
    });
  }

  /** Start recording. Pressing the button twice starts once. */
  async start() {
    this.notes = {};
    this.set("asking", null);
    const take = { name: micRandomName(), outbox: null, channel: null, stopAsked: false };
    take.outbox = new Outbox(take.name);
    this.take = take;
    try {
      take.capture = await Capture.open({
        deviceId: this.deviceId,
        chunkMs: this.settings.chunk_ms,
        on: {
          audio: (buffer) => this.audio(take, buffer),
          level: (peak) => this.levelled(peak),
          gone: () => this.unplugged(take),
          muted: (isMuted) => this.note("muted", isMuted ? "The microphone is muted by the system or the browser tab." : ""),
        },
      });
    } catch (error) {
      const trouble = await microphoneTrouble(error);
      if (this.take === take) this.set("idle", trouble);
      this.listDevices();
      return;
    }
    if (this.take !== take || take.stopAsked || this.gone) {
      take.capture.release();
      if (this.take === take && !this.gone) this.set("idle");
      return;
    }
    this.begin(take);
    this.listDevices();
    try {
      await this.choose(take);
    } catch (error) {
      this.abandon(take, { kind: "link", text: error.message });
    }
  }

  begin(take) {
    this.views.forEach((view) => {
      view.captions.clear();
      view.captions.follow();
    });
    this.lines = [];
    this.pendingTokens = [];
    this.settledCount = 0;
    this.heardAudio = null;
    this.elapsedMs = 0;
    this.heardAtTick = 0;
    this.gap = null;
    this.openMs = 0;
    this.begunAt = performance.now();
    this.soundAt = performance.now();
    this.silentMs = 0;
    this.beatAt = performance.now();
    this.mode = null;
    this.link = "connecting …";
    this.whyThisWay = "";
    this.service = { state: "open", since: 0, waitingMs: 0, unheardMs: 0 }; // as reported by the kernel
    take.before = []; // audio that waits until its route is known
    this.set("recording", null);
  }

  async stop() {
    const { take } = this;
    if (this.elsewhere) this.comm.send({ type: "end", page: this.page });
    if (!this.isActive || this.state === "stopping" || !take) return;
    if (this.state === "asking") {
      take.stopAsked = true;
      this.set("idle");
      this.take = null;
      return;
    }
    this.set("stopping");
    await this.turn;
    await take.capture.command("stop");
    take.capture.release();
    this.level = 0;
    this.note("quiet", "");
    this.note("muted", "");
    await this.settleTake(take);
  }

  async pause() {
    this.set("paused");
    await this.pass("pause");
  }

  async resume() {
    this.soundAt = performance.now();
    this.set("recording", this.trouble?.kind === "sleep" ? null : this.trouble);
    await this.inTurn(async (take) => {
      this.control(take, "resume");
      await take.capture.command("resume");
    });
  }

  /** Run a step after the previous ones, because buttons may be pressed faster than the audio thread answers. */
  inTurn(step) {
    const { take } = this;
    this.turn = this.turn.then(() => (take.isOver ? null : step(take)));
    return this.turn;
  }

  async choose_device(deviceId) {
    this.deviceId = deviceId;
    if (this.state !== "recording" && this.state !== "paused") return;
    try {
      await this.take.capture.switchTo(deviceId);
      this.note("device", "");
    } catch (error) {
      const { text } = await microphoneTrouble(error);
      this.note("device", `The device was not changed. ${text}`);
    }
    this.listDevices();
  }

  /** Carry out a command of the kernel. Its "stop" is meant for the page that records. */
  command(action) {
    if (action !== "stop" || this.isActive) this.act(action);
  }

  // ---- a take

  /** Decide on the route of the audio, and on the connection between this page and the kernel. */
  async choose(take) {
    const { mode, transport } = this.settings;
    let channel = null;
    if (transport !== "comm") channel = await this.openLoopback();
    if (!channel && transport === "loopback") throw new Error("No websocket to the kernel could be opened from this page (transport='loopback'): kernel and browser are on different machines, and there is no jupyter-server-proxy. Make the widget with transport='auto'.");
    channel ??= this.comm;
    take.channel = channel;
    if (mode !== "proxy") {
      const refusal = await this.goDirect(take, mode === "auto" ? CONSTANTS.recorder.direct_ms : Infinity);
      if (refusal && mode === "direct") throw new Error(`The service could not be reached directly: ${refusal}.`);
      if (refusal) this.whyThisWay = `Not directly to the service: ${refusal}.`;
    }
    if (this.take !== take || take.isOver) {
      take.direct?.close();
      if (channel !== this.comm) channel.close();
      return;
    }
    this.mode = take.direct ? "direct" : "proxy";
    take.outbox.attach(channel, { type: "open", take: take.name, mode: this.mode });
    this.nameLink(take);
    const { before } = take;
    take.before = null;
    before.forEach((put) => put());
  }

  /** Open the direct route if that takes at most `mostMs`; returns the reason if it could not be opened. */
  async goDirect(take, mostMs) {
    const isFar = this.settings.service === "local" && !LOOPBACK_HOSTS.test(location.hostname);
    if (isFar && Number.isFinite(mostMs)) return "the stand-in listens on the kernel's machine only";
    const direct = this.makeDirect(take);
    let callOff = () => {};
    const tooLate = new Promise((resolve) => {
      if (Number.isFinite(mostMs)) callOff = afterTimeAwake(mostMs, () => resolve(false));
    });
    const isOpen = await Promise.race([direct.tryToOpen(), tooLate]);
    callOff();
    if (isOpen) take.direct = direct;
    else direct.close();
    return isOpen ? "" : direct.lastWords ?? "it took too long to answer";
  }

  nameLink(take) {
    const way = take.outbox.channel === this.comm ? "notebook connection" : "own socket";
    this.link = this.mode === "direct" ? "direct to the service" : `through the kernel, ${way}`;
    this.show();
  }

  makeDirect(take) {
    const direct = new DirectSession({
      needKey: () => this.askForKey(take),
      on: {
        event: (event) => {
          const audio = event.event === "audio" && this.settings.keep_audio ? take.lastBuffer : null;
          take.outbox.put({ kind: "event", ...event }, audio, 0);
        },
        update: () => this.drawDirect(take, direct),
        state: (state) => this.stated(take, state, direct.failure),
      },
    });
    return direct;
  }

  /** Run an action once the route is known; until then, actions are queued in order. */
  when(take, put) {
    if (take.before) take.before.push(put);
    else put();
  }

  audio(take, buffer) {
    const ms = buffer.byteLength / CONSTANTS.direct.bytes_per_ms;
    this.elapsedMs += ms;
    this.when(take, () => {
      if (take.direct) {
        take.lastBuffer = buffer;
        take.direct.audio(buffer);
      } else take.outbox.put({ kind: "audio" }, buffer, ms);
    });
  }

  control(take, action) {
    this.when(take, () => {
      if (take.direct && CONSTANTS.actions[action].settles) take.direct.finalize();
      take.outbox.put({ kind: "control", action });
    });
  }

  async settleTake(take) {
    this.when(take, async () => {
      if (take.direct) await take.direct.finish(); // without a limit, because only this page has the audio
      if (take.isOver) return;
      take.outbox.put({ kind: "stop" });
      take.endsInTime = afterTimeAwake(CONSTANTS.recorder.end_ms, () => {
        this.abandon(take, { kind: "slow", text: "The kernel did not say that everything is settled. Look at mic.tokens, or run the cell again." });
      });
    });
  }

  /** Clean up after a take, however it ended. */
  over(take, trouble = null) {
    if (take.isOver) return;
    take.isOver = true;
    take.endsInTime?.();
    take.showsLateWords?.();
    take.capture?.release();
    take.direct?.close();
    const { channel } = take.outbox;
    if (channel && channel !== this.comm) channel.close();
    if (this.take !== take) return;
    this.level = 0;
    this.notes = {};
    this.link = "";
    this.pendingTokens = [];
    this.views.forEach((view) => view.captions.pending([]));
    this.set(trouble ? "failed" : "stopped", trouble);
    this.listDevices();
  }

  /** End a take from this page, and tell the kernel if possible. */
  abandon(take, trouble) {
    if (take.isOver) return;
    if (take.outbox.channel) take.outbox.put({ kind: "stop" });
    this.over(take, trouble);
  }

  unplugged(take) {
    if (take.isOver || this.state === "stopping") return;
    this.stop();
    this.set(this.state, { kind: "unplugged", text: "The microphone was disconnected, so the recording has ended. Choose another device, then press Start again." });
    take.endTrouble = this.trouble;
  }

  kernelGone() {
    if (this.gone) return;
    this.gone = true;
    this.closing.endAtOnce();
    this.level = 0;
    this.notes = {};
    this.link = "";
    this.set("gone", { kind: "kernel", text: MIC_KERNEL_GONE });
  }

  // ---- channels

  async openLoopback() {
    const { offer } = this;
    if (!offer) return null;
    this.offer = null; // an offer is used once
    const channel = await LoopbackChannel.open(offer, {
      heard: (message, from) => this.heard(message, from),
      offered: (next) => { this.offer = next; },
      closed: (from) => this.channelBroke(from),
    });
    if (!channel) this.comm.send({ type: "offer", page: this.page, origin: location.origin });
    return channel;
  }

  /** Reconnect after a socket broke: over another socket, or else over the notebook's connection. */
  async channelBroke(channel) {
    const { take } = this;
    if (!take || take.isOver || take.outbox.channel !== channel) return;
    take.outbox.channel = null;
    const next = (await this.openLoopback()) ?? this.comm;
    if (take.isOver) return;
    take.outbox.attach(next);
    this.requests.forEach(({ message }) => next.send(message)); // their answers may have been lost
    this.nameLink(take);
  }

  /** Request a key for one connection to the service; rejects if none comes. */
  async askForKey(take) {
    const message = { type: "need_key", request: micRandomName(), take: take.name };
    const answer = await new Promise((resolve, reject) => {
      const callOff = afterTimeAwake(CONSTANTS.recorder.key_ms, () => {
        this.requests.delete(message.request);
        reject(new Error("the kernel made no key for another connection"));
      });
      const answered = (found) => {
        callOff();
        this.requests.delete(message.request);
        resolve(found);
      };
      this.requests.set(message.request, { message, answered });
      if (!(take.outbox.channel ?? take.channel)?.send(message)) this.comm.send(message);
    });
    if (answer.type === "no_key") throw Object.assign(new Error(answer.text), { isRefusal: !answer.again });
    return answer;
  }

  /** Request a file of the latest recording; rejects with the reason if there is none. */
  askForFile(format) {
    const request = micRandomName();
    return new Promise((resolve, reject) => {
      this.files.set(request, ({ reason, name, mime }, buffers) => {
        if (reason) reject(new Error(micSentence(reason)));
        else resolve({ name, mime, content: buffers[0] });
      });
      if (this.state === "gone" || !this.comm.send({ type: "export", page: this.page, request, format })) {
        this.files.delete(request);
        reject(new Error("The kernel has ended, so only text can be saved."));
      }
    });
  }

  /** Request audio of a recording, for the players of the views. */
  askForClip(message) {
    this.comm.send({ ...message, page: this.page });
  }

  heard(message, channel, buffers = []) {
    this.silentMs = 0;
    const { take } = this;
    const isMine = take && !take.isOver && message.take === take.name;
    switch (message.type) {
      case "snapshot": if (message.page === this.page) this.draw(message); break;
      case "offered": if (message.page === this.page) this.offer = message.offer; break;
      case "command": this.command(message.action); break;
      case "clip": if (message.page === this.page) this.views.forEach((view) => view.playback.player.arrived(message, buffers)); break;
      case "exported":
        if (message.page === this.page) this.files.get(message.request)?.(message, buffers);
        this.files.delete(message.request);
        break;
      case "trouble": this.note("trouble", message.text); break;
      case "key":
      case "no_key":
        this.requests.get(message.request)?.answered(message);
        break;
      case "beat": if (isMine) this.beaten(take, message); break;
      case "missing": if (isMine) take.outbox.resend(); break;
      case "update": if (message.take === take?.name) this.drawUpdate(take, message, channel); break; // perhaps late
      case "state": if (isMine) this.stated(take, message.state); break;
      case "ended":
        if (message.take === take?.name) this.heardAudio = message.audio ?? null;
        if (isMine) this.ended(take, message);
        else if (!this.isActive && (!take || message.take !== take.name)) this.comm.send({ type: "hello", page: this.page, origin: location.origin });
        break;
      default:
    }
  }

  beaten(take, { next, waiting_ms: waitingMs, unheard_ms: unheardMs }) {
    take.outbox.acknowledge(next);
    Object.assign(this.service, { waitingMs, unheardMs });
  }

  stated(take, state, text) {
    if (take.isOver) return;
    Object.assign(this.service, { state, since: performance.now() });
    this.tellOfService(take);
    if (state === "failed" && take.direct) this.fail(take, text);
  }

  /** Show the state of the connection to the service. */
  tellOfService(take) {
    const { state, since } = this.service;
    const { waitingMs, unheardMs } = take.direct ?? this.service;
    const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
    this.isLate = unheardMs > (this.isLate ? CONSTANTS.recorder.in_time_ms : CONSTANTS.recorder.late_ms);
    // a connection that breaks at once does not count
    const isBack = this.notes.service !== MIC_RECONNECTING || performance.now() - since > CONSTANTS.recorder.back_ms;
    if (state === "reconnecting" || !isBack) {
      this.note("service", MIC_RECONNECTING, `Reconnecting to the service; nothing is lost (${seconds(waitingMs)} of audio waits).`);
    } else if (state === "silent") {
      const rest = "The recording goes on, and nothing is lost.";
      this.note("service", `The service does not answer. ${rest}`, `The service does not answer: ${seconds(Math.max(waitingMs, unheardMs))} of audio waits. ${rest}`);
    } else if (this.isLate) {
      this.note("service", "The service is behind what is said: it, or the connection to it, is slower than the audio.", `The service is ${seconds(Math.max(waitingMs, unheardMs))} behind what is said: it, or the connection to it, is slower than the audio.`);
    } else this.note("service", "");
  }

  /** The service refused for good: stop, and let the kernel settle the rest. */
  async fail(take, text) {
    take.endTrouble = { kind: "service", text };
    if (this.state !== "stopping") await this.stop();
  }

  ended(take, { text, lost, tokens }) {
    if (lost && (this.gap || this.sleptMs || this.trouble?.kind === "sleep")) {
      text = "This computer slept, and the recording has ended meanwhile; what had arrived was settled. Press Start to go on.";
    }
    const end = () => this.over(take, text ? { kind: lost ? "lost" : "service", text: micSentence(text) } : take.endTrouble);
    if (this.mode === "proxy" && tokens > this.settledCount) {
      // The last words may come after the end, over another connection, and in several updates.
      take.outbox.channel?.send({ type: "sync", take: take.name, have: this.settledCount });
      this.comm.send({ type: "sync", take: take.name, have: this.settledCount });
      take.lateEnd = { tokens, end };
      take.showsLateWords?.();
      take.showsLateWords = afterTimeAwake(CONSTANTS.recorder.late_words_ms, end);
    } else end();
  }

  // ---- captions

  draw({ settled, ends, offer, commands, earlier, running, audio }) {
    if (offer) this.offer = offer;
    if (!this.isActive) {
      this.elsewhere = running;
      this.note("elsewhere", running ? MIC_STILL_OPEN : "");
    }
    if (!this.isActive && settled.length >= this.settledCount) {
      this.lines = [{ tokens: settled, ends }];
      this.settledCount = settled.length;
      this.heardAudio = audio ?? null;
      this.views.forEach((view) => view.redraw());
    }
    this.earlier = earlier;
    commands.forEach((action) => this.command(action));
  }

  drawUpdate(take, { have, settled, pending, ends }, channel) {
    if (have > this.settledCount) {
      channel.send({ type: "sync", take: take.name, have: this.settledCount });
      return;
    }
    const known = this.settledCount - have;
    const newEnds = ends.map((end) => end - this.settledCount).filter((end) => end >= 0);
    this.drawTokens(settled.slice(known), newEnds, take.isOver ? [] : pending);
    if (take.lateEnd && this.settledCount >= take.lateEnd.tokens) take.lateEnd.end();
  }

  /** Draw the new tokens. At a seam, tokens may be settled without a message. */
  drawDirect(take, { transcript }) {
    if (this.take !== take) return;
    const known = this.settledCount;
    const ends = transcript.ends.slice(take.drawnEnds ?? 0).map((end) => end - known);
    take.drawnEnds = transcript.ends.length;
    this.drawTokens(transcript.settled.slice(known), ends, transcript.pending);
  }

  drawTokens(tokens, ends, pending) {
    this.settledCount += tokens.length;
    if (tokens.length || ends.length) {
      this.lines.push({ tokens, ends });
      this.views.forEach((view) => {
        view.captions.add(tokens, ends);
        view.showTools();
      });
    }
    this.pendingTokens = pending;
    this.views.forEach((view) => view.captions.pending(pending));
  }

  // ---- watching

  levelled(peak) {
    this.level = peak;
    const now = performance.now();
    if (peak > CONSTANTS.recorder.quiet_peak || this.state !== "recording") this.soundAt = now;
    this.note("quiet", now - this.soundAt > CONSTANTS.recorder.quiet_ms ? "Nothing is heard. Is this the right microphone, and is it switched on?" : "");
    this.views.forEach((view) => view.showLevel());
    this.beat(now); // timers of a hidden tab are slow, unlike the audio thread
  }

  beat(now) {
    const { take } = this;
    if (!take || take.isOver || !take.outbox.channel || now - this.beatAt < CONSTANTS.recorder.beat_ms) return;
    this.beatAt = now;
    take.outbox.channel.send({ type: "beat", take: take.name });
  }

  tick() {
    const { take } = this;
    const now = performance.now();
    // After this page hung, messages of the kernel are still waiting, so a tick never counts as a long time.
    this.silentMs += Math.min(now - this.tickedAt, 4 * CONSTANTS.recorder.tick_ms);
    this.tickedAt = now;
    this.lookForSleep();
    if (!take || take.isOver || !this.isActive) return;
    if (this.state !== "asking") this.openMs = now - this.begunAt;
    this.beat(now);
    if (!take.outbox.channel) return;
    const waitingMs = take.outbox.waitingMs;
    this.note("kernel", waitingMs > CONSTANTS.recorder.waits_ms ? "The kernel is busy; audio waits in this page." : "", `The kernel is busy: ${(waitingMs / 1000).toFixed(1)} s of audio waits in this page.`);
    this.tellOfService(take);
    const { silentMs } = this;
    if (silentMs > (this.kernelLives(take) ? CONSTANTS.recorder.busy_kernel_ms : CONSTANTS.recorder.silent_kernel_ms)) {
      this.abandon(take, { kind: "kernel", text: `The kernel has not answered for ${Math.round(silentMs / 1000)} seconds, so the microphone is off. What was said until then is below.` });
    }
    this.views.forEach((view) => view.showTime());
  }

  /** Return true while there are signs that the kernel's process exists. It may be silent because some code holds
  Python's
      lock: from then on the kernel can send neither answers nor the status "busy". */
  kernelLives({ outbox }) {
    const kernel = this.model.widget_manager?.kernel; // known in JupyterLab; its status changes when the process ends
    const isListed = ["idle", "busy"].includes(kernel?.status) && kernel.connectionStatus === "connected";
    return isListed || outbox.channel.socket?.readyState === WebSocket.OPEN; // the system closes the socket of a process that ends
  }

  /** A sleeping computer differs from a hanging page by its sound: audio recorded while a page hung arrives late. */
  lookForSleep() {
    const wall = Date.now();
    if (this.sleptMs && this.state === "recording") this.gap ??= { at: this.wallAt, heardMs: this.heardAtTick, looks: CONSTANTS.recorder.sleep_looks };
    this.wallAt = wall;
    this.heardAtTick = this.elapsedMs;
    if (!this.gap) return;
    this.gap.looks -= 1;
    if (this.gap.looks > 0) return;
    const { at, heardMs } = this.gap;
    this.gap = null;
    const missedMs = wall - at - (this.elapsedMs - heardMs);
    if (missedMs < CONSTANTS.recorder.sleep_ms || this.state !== "recording") return;
    this.set("recording", { kind: "sleep", text: `This computer slept for ${Math.round(missedMs / 1000)} seconds, and the recording was paused meanwhile. Press Resume to go on, or Stop.` });
    this.pause();
  }

  /** Return the time without a tick until now, if it was longer than any page hangs between two ticks; otherwise 0. */
  get sleptMs() {
    const gapMs = Date.now() - this.wallAt;
    return gapMs > CONSTANTS.recorder.sleep_ms ? gapMs : 0;
  }

  /** List the microphones, and find out whether Start can record. */
  async listDevices() {
    this.devices = await microphones();
    const { state, kind, text } = await microphoneOutlook();
    this.permission = MIC_PERMISSIONS[state] ?? "";
    if (this.isActive || this.gone) {
      this.show();
      return;
    }
    // What a failed Start has said is over once nothing is in the way any more.
    if (!kind && ["denied", "none"].includes(this.trouble?.kind)) this.trouble = null;
    if (this.trouble?.kind === kind) this.note("outlook", "");
    else this.note("outlook", text);
    this.show();
  }
}

function micSentence(text) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/u.test(sentence) ? sentence : `${sentence}.`;
}

function micRandomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
