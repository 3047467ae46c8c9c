/* The direct route from the browser to the service. Broken connections are handled as in soniox_ds/live/session.py:
   audio that is not settled is kept and sent again, and the words are joined at the seams. Each connection needs its
   own temporary key, which is used once and not stored. */

const HTTP_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u;

class DirectSession {
  /** `needKey()` resolves to `{key, url, start}`; `on` has `event(event)`, `update()`, `state(name)`. */
  constructor({ needKey, on }) {
    this.needKey = needKey;
    this.on = on;
    this.transcript = new Transcript();
    this.session = -1;
    this.offsetMs = 0;
    this.line = []; // {at, ms, buffer}: audio from the oldest chunk that is not settled
    this.endMs = 0;
    this.sentMs = 0;
    this.startMs = 0;
    this.finalizes = []; // positions in ms of unanswered requests
    this.asked = 0;
    this.begunAt = null;
    this.failures = 0; // in a row: without any message
    this.stalls = 0; // in a row: with messages, but no progress
    this.heardHere = false; // whether any message came on this connection
    this.wasHeard = false; // whether any message came on any connection
    this.isOwed = false; // whether the service owes an answer
    this.silentMs = 0; // time for which an answer is owed, counted while this page is awake
    this.silences = 0; // number of connections in a row that were given up as silent
    this.lookedAt = performance.now();
    this.ended = false;
    this.over = false;
    this.rotating = false;
    this.finished = new Promise((resolve) => { this.resolveFinished = resolve; });
    this.timer = setInterval(() => this.#pump(), CONSTANTS.direct.tick_ms);
  }

  /** Milliseconds of audio that wait to be sent, here or in the socket. */
  get waitingMs() {
    return this.endMs - this.sentMs + (this.socket?.bufferedAmount ?? 0) / CONSTANTS.direct.bytes_per_ms;
  }

  /** Milliseconds of audio that the service has not processed yet. */
  get unheardMs() {
    return Math.max(this.endMs - this.transcript.totalAudioMs, 0);
  }

  /** Resolves once a first connection is open, or to false if none can be opened. */
  async tryToOpen() {
    try {
      await this.#connect();
      return true;
    } catch (error) {
      this.close();
      this.lastWords = error.message;
      return false;
    }
  }

  audio(buffer) {
    if (this.over || this.ended) return;
    if (this.begunAt === null) this.begunAt = performance.now();
    const ms = buffer.byteLength / CONSTANTS.direct.bytes_per_ms;
    this.line.push({ at: this.endMs, ms, buffer });
    this.endMs += ms;
    this.#note("audio", { audio_ms: this.endMs });
    this.#pump();
  }

  finalize() {
    if (!this.endMs || this.ended) return;
    this.finalizes.push(this.endMs);
    this.#pump();
  }

  /** Take no more audio. Resolves when everything is settled, or was given up. */
  finish() {
    this.ended = true;
    if (!this.endMs) this.#end();
    else if (this.over) this.resolveFinished();
    this.#pump();
    return this.finished;
  }

  /** Close at once. */
  close() {
    this.#end();
  }

  #note(event, more = {}) {
    const at = this.begunAt === null ? 0 : performance.now() - this.begunAt;
    this.on.event({ event, at_ms: at, session: Math.max(this.session, 0), offset_ms: this.offsetMs, ...more });
  }

  async #connect() {
    this.heardHere = false;
    this.before = this.#reached;
    const { key, url, start } = await this.needKey();
    if (this.over) throw new Error("stopped");
    this.#note("connecting");
    const inProtocol = HTTP_TOKEN.test(key);
    const socket = inProtocol ? new WebSocket(url, ["soniox-api-key", key]) : new WebSocket(url);
    await new Promise((resolve, reject) => {
      const callOff = afterTimeAwake(CONSTANTS.direct.opening_ms, () => socket.close());
      socket.onopen = () => {
        callOff();
        resolve();
      };
      socket.onclose = () => {
        callOff();
        reject(new Error("the service cannot be reached from this browser"));
      };
    });
    if (this.over) {
      socket.close();
      throw new Error("stopped");
    }
    this.#begin(socket);
    socket.onmessage = ({ data }) => this.#heard(socket, data);
    socket.onclose = () => this.#broken(socket, { text: "the connection to the service broke", again: true });
    socket.send(JSON.stringify(inProtocol ? start : { api_key: key, ...start }));
    this.#note("open");
    this.on.state("open");
  }

  #begin(socket) {
    this.socket = socket;
    this.session += 1;
    this.rotating = false;
    this.endSent = false;
    this.asked = 0;
    this.quietSince = performance.now();
    this.isOwed = false;
    this.silentMs = 0;
    const from = this.session ? Math.min(this.transcript.resumeMs(), this.endMs) : 0;
    // exact to the sample: a little more would repeat the end of a word
    this.startMs = this.line.length ? Math.max(this.line[0].at, from) : this.endMs;
    this.sentMs = this.startMs;
    this.offsetMs = Math.round(this.startMs);
    if (this.session) this.transcript.beginSession(this.session, this.offsetMs);
  }

  #pump() {
    const { socket } = this;
    this.#watchForAnswers();
    if (this.over || socket !== this.socket || socket?.readyState !== WebSocket.OPEN || this.endSent) return;
    let most = this.endMs - this.sentMs <= CONSTANTS.direct.ahead_ms ? Infinity : CONSTANTS.direct.tick_ms * CONSTANTS.direct.pace;
    for (const chunk of this.line) {
      this.#askToFinalize();
      // The waiting audio is known here, and a pong of the browser is not stuck behind it.
      if (most <= 0 || socket.bufferedAmount > CONSTANTS.direct.held_bytes) return;
      const nextMs = chunk.at + chunk.ms;
      if (nextMs <= this.sentMs) continue;
      socket.send(chunk.buffer.slice(Math.round(Math.max(this.sentMs - chunk.at, 0) * 16) * 2));
      most -= nextMs - this.sentMs;
      this.sentMs = nextMs;
      this.isOwed = true;
      this.quietSince = performance.now();
    }
    this.#askToFinalize();
    if (this.ended || this.#mustRotate()) {
      this.rotating = !this.ended;
      socket.send("");
      this.endSent = true;
      this.#note("control", { payload: "" });
    } else if (performance.now() - this.quietSince > CONSTANTS.direct.keepalive_ms) {
      this.#control("keepalive");
    }
  }

  /** Report that the service does not answer, and open another connection if it stays silent. */
  #watchForAnswers() {
    const now = performance.now();
    const awakeMs = Math.min(now - this.lookedAt, CONSTANTS.direct.look_ms);
    this.lookedAt = now;
    const isOwed = this.isOwed || this.endSent || this.sentMs < this.endMs;
    if (this.over || !this.socket || !isOwed) return;
    const wasSilent = this.silentMs >= CONSTANTS.direct.silent_ms;
    this.silentMs += awakeMs;
    if (!wasSilent && this.silentMs >= CONSTANTS.direct.silent_ms) {
      this.#note("silent", { payload: `no answer for ${CONSTANTS.direct.silent_ms / 1000} s` });
      this.on.state("silent");
    }
    const mostMs = Math.min(CONSTANTS.direct.silent_break_ms * 2 ** this.silences, CONSTANTS.direct.silent_break_most_ms); // it may only be slow
    if (this.silentMs < mostMs) return;
    this.silences += 1;
    this.#broken(this.socket, { text: `nothing came for ${mostMs / 1000} s in answer to what was sent`, again: true });
  }

  #noteAnswer() {
    const wasSilent = this.silentMs >= CONSTANTS.direct.silent_ms;
    if (this.silentMs < CONSTANTS.direct.silent_break_ms) this.silences = 0;
    this.isOwed = false;
    this.silentMs = 0;
    if (wasSilent) this.on.state("open");
  }

  #askToFinalize() {
    while (this.asked < this.finalizes.length && this.finalizes[this.asked] <= this.sentMs) {
      if (this.sentMs > this.startMs) {
        this.#control("finalize");
        this.asked += 1;
      } else this.finalizes.splice(this.asked, 1); // this session got no audio that could be settled
    }
  }

  #control(type) {
    const payload = JSON.stringify({ type });
    this.socket.send(payload);
    this.quietSince = performance.now();
    this.#note("control", { payload });
  }

  #mustRotate() {
    const heardMs = this.sentMs - this.startMs;
    const left = CONSTANTS.direct.limit_ms - heardMs;
    return left <= CONSTANTS.direct.rotate_latest_ms || (left <= CONSTANTS.direct.rotate_before_ms && !this.transcript.pending.length);
  }

  #heard(socket, data) {
    if (socket !== this.socket || this.over || typeof data !== "string") return;
    this.#noteAnswer();
    let message;
    try {
      message = JSON.parse(data);
      if (message === null || typeof message !== "object" || Array.isArray(message)) throw new SyntaxError("no object");
    } catch {
      this.#broken(socket, { text: `the service sent what is no message: ${data.slice(0, 120)}`, again: true });
      return;
    }
    this.#note("message", { payload: data });
    if ((message.error_code ?? null) !== null || (message.error_message ?? null) !== null) {
      this.#broken(socket, judged(message, data));
      return;
    }
    let result;
    try {
      result = this.transcript.fold(message, this.session, this.offsetMs);
    } catch (error) {
      this.#broken(socket, { text: `the service sent what is no message: ${error.message}`, again: true });
      return;
    }
    this.heardHere ||= !result.isFinished;
    this.wasHeard ||= this.heardHere;
    if (result.isFinalized && this.asked) {
      this.finalizes.shift();
      this.asked -= 1;
    }
    const settledMs = this.transcript.resumeMs();
    while (this.line.length && this.line[0].at + this.line[0].ms <= settledMs) this.line.shift();
    this.on.update();
    if (!result.isFinished) return;
    if (this.endSent && this.ended && this.sentMs >= this.endMs) this.#end();
    else if (this.endSent && this.rotating) {
      [this.failures, this.stalls] = [0, 0];
      this.#again(socket, 0);
    } else this.#broken(socket, { text: "the service finished although more audio was to come", again: true });
  }

  #broken(socket, { text, again, frame = null }) {
    if (socket !== this.socket || this.over) return;
    this.#count();
    this.#note("lost", { payload: text });
    if (again && this.#mayGoOn) this.#again(socket, this.#waitMs);
    else this.#fail(text, frame);
  }

  /** Progress of the transcript: processed audio and number of settled tokens. */
  get #reached() {
    return `${this.transcript.totalAudioMs} ${this.transcript.settled.length}`;
  }

  /** Handle a failed connection. Connections that answer but make no progress are tolerated longer, but not for ever.
  */
  #count() {
    this.failures = this.heardHere ? 1 : this.failures + 1;
    if (this.failures === 1) this.lostAt = performance.now();
    if (this.#reached !== this.before) this.stalls = 1;
    else if (this.heardHere) this.stalls += 1;
  }

  /** Wait out an outage of minutes if the service has answered before. Audio is kept meanwhile. */
  get #mayGoOn() {
    if (this.stalls >= CONSTANTS.direct.attempts * CONSTANTS.direct.stalls) return false;
    if (this.failures < CONSTANTS.direct.attempts) return true;
    return this.wasHeard && performance.now() - this.lostAt <= CONSTANTS.direct.patience_ms;
  }

  get #waitMs() {
    return Math.min(CONSTANTS.direct.wait_ms * 2 ** (this.failures - 1), CONSTANTS.direct.max_wait_ms) * (0.5 + Math.random() / 2);
  }

  #fail(text, frame) {
    this.#note("failed", { payload: frame ?? text });
    this.failure = text;
    this.#end();
    this.on.state("failed");
  }

  async #again(socket, waitMs) {
    this.socket = null;
    socket.onclose = null;
    socket.close();
    this.on.state("reconnecting");
    await new Promise((resolve) => { setTimeout(resolve, waitMs); });
    while (!this.over) {
      try {
        await this.#connect();
        return;
      } catch (error) {
        if (this.over) return;
        this.#count();
        this.#note("lost", { payload: error.message });
        if (error.isRefusal || !this.#mayGoOn) {
          this.#fail(error.message, null);
          return;
        }
        await new Promise((resolve) => { setTimeout(resolve, this.#waitMs); });
      }
    }
  }

  #end() {
    if (this.over) return;
    this.over = true;
    clearInterval(this.timer);
    if (this.socket) {
      this.socket.onclose = null;
      this.socket.close();
    }
    this.transcript.close();
    this.on.update();
    this.resolveFinished();
  }
}

/** Decide what follows an error frame: another connection, or the end. */
function judged({ error_code: code, error_type: type, error_message: said }, frame) {
  const again = [408, 413, 429].includes(code) || code >= 500 || type === "temp_api_key_session_expired";
  return { text: `the service refused: ${said} (${code})`, again, frame };
}
