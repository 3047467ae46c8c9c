/* Settled and pending tokens, folded from the messages of the service: the browser's copy of
   soniox_ds/live/transcript.py, which explains it. It is used on the direct route, where captions must not wait for the
   kernel. A test compares the two. The kernel records the times of arrival. */

class Transcript {
  constructor() {
    this.settled = [];
    this.pending = [];
    this.finalAudioMs = 0;
    this.totalAudioMs = 0;
    this.session = 0;
    this.ends = [];
    this.held = null;
    this.voices = 0;
    this.settledHere = false;
    this.afterSeam = false; // whether this is a later session in which nothing was settled or dropped yet
    this.afterEnd = false; // whether an utterance has ended and nothing of the next one is settled
    this.untold = []; // settled between two messages; part of the next update
  }

  resumeMs() {
    return resumeAt(this.#lastOriginals(), this.finalAudioMs);
  }

  /** Start the next session, whose audio begins at `offsetMs`. */
  beginSession(session, offsetMs) {
    this.untold.push(...this.#releaseHeld());
    if (this.settledHere) {
      this.voices += 1;
      this.settledHere = false;
    }
    this.session = session;
    this.pending = [];
    const originals = this.#lastOriginals();
    if (originals.length && session > 0) {
      this.afterSeam = true;
      this.held = {
        expected: originals.filter((token) => token.end_ms !== null && token.end_ms > offsetMs),
        settledEndMs: originals.reduce((end, token) => Math.max(end, token.end_ms || 0), 0),
        items: [], // tokens, and "<end>" among them
      };
    }
  }

  /** Process one message, and return `{settled, isFinalized, isFinished}`. Throws if the message is not as the API
      documents it; nothing has changed then. */
  fold(message, session = 0, offsetMs = 0) {
    const tokens = tokensOf(message, offsetMs);
    const finalMs = wholeMs(message.final_audio_proc_ms ?? 0, "final_audio_proc_ms") + offsetMs;
    const totalMs = wholeMs(message.total_audio_proc_ms ?? 0, "total_audio_proc_ms") + offsetMs;
    if (session !== this.session) this.beginSession(session, offsetMs);
    const result = { settled: this.untold.splice(0), isFinalized: false, isFinished: message.finished === true };
    this.finalAudioMs = Math.max(this.finalAudioMs, finalMs);
    this.totalAudioMs = Math.max(this.totalAudioMs, totalMs);
    const tail = [];
    for (const { mark, isFinal, token } of tokens) {
      if (mark === "<end>") this.#end();
      else if (mark === "<fin>") {
        result.isFinalized = true;
        // If the audio that is sent again has not been processed completely, more repetitions are to come.
        if (this.held && totalMs >= this.held.settledEndMs) result.settled.push(...this.#releaseHeld());
      } else if (isFinal) result.settled.push(...this.#take(token));
      else tail.push(token);
    }
    const hasPassed = this.held && finalMs >= this.held.settledEndMs + CONSTANTS.resume.clear_ms;
    if (result.isFinished || hasPassed) result.settled.push(...this.#releaseHeld());
    this.pending = this.#shown(tail);
    return result;
  }

  /** Settle the tokens that were held back at a seam, because no message follows. */
  close() {
    const settled = [...this.untold.splice(0), ...this.#releaseHeld()];
    this.pending = [];
    return settled;
  }

  #lastOriginals() {
    return this.settled.slice(-400).filter((token) => !token.is_translation);
  }

  #take(token) {
    const held = this.held;
    if (!held) return this.#settle([token]);
    held.items.push(token);
    if (!held.expected.length || (!token.is_translation && seamPassed(held.settledEndMs, token))) {
      return this.#releaseHeld();
    }
    return [];
  }

  /** Note an endpoint; at a seam, hold it back. Endpoints without any settled token are left out. */
  #end() {
    if (this.held) this.held.items.push("<end>");
    else if (this.settled.length > (this.ends.length ? this.ends[this.ends.length - 1] : 0)) {
      this.ends.push(this.settled.length);
      this.afterEnd = true;
    }
  }

  /** Settle the new ones of the tokens that were held back at a seam. */
  #releaseHeld() {
    const held = this.held;
    this.held = null;
    if (!held) return [];
    const tokens = heldTokens(held);
    const isNew = new Set(behindSeam(held, tokens));
    let oldAhead = tokens.filter((token) => !isNew.has(token)).length;
    const settled = [];
    for (const item of held.items) {
      if (item === "<end>") {
        if (!oldAhead) this.#end();
      } else if (isNew.has(item)) settled.push(...this.#settle([item]));
      else {
        oldAhead -= 1;
        this.afterSeam = false; // after a repeated token, the service spaces the text itself
      }
    }
    return settled;
  }

  #shown(tail) {
    const held = this.held;
    const tokens = held ? behindSeam(held, [...heldTokens(held), ...tail]) : tail;
    return tokens.map((token) => this.#marked(token));
  }

  #settle(tokens) {
    const settled = tokens.map((token) => {
      const marked = this.#marked(token);
      if (!(this.afterSeam || this.afterEnd) || marked.is_translation) return marked;
      this.afterSeam = false;
      this.afterEnd = false;
      return this.#glued(marked.text) ? { ...marked, text: ` ${marked.text}` } : marked;
    });
    if (settled.length) {
      this.settled.push(...settled);
      this.settledHere = true;
    }
    return settled;
  }

  #glued(text) {
    let before = "";
    for (let index = this.settled.length - 1; index >= 0 && !before; index -= 1) {
      if (!this.settled[index].is_translation) {
        before = this.settled[index].text;
        break;
      }
    }
    const last = [...before].pop();
    const first = [...text][0];
    if (!last || /\s/u.test(last) || !first || !/[\p{L}\p{N}]/u.test(first)) return false;
    return !(isUnspaced(last) || isUnspaced(first));
  }

  #marked(token) {
    return this.voices && token.speaker !== null
      ? { ...token, speaker: `${token.speaker}@${this.voices + 1}` }
      : token;
  }
}

function heldTokens(held) {
  return held.items.filter((item) => item !== "<end>");
}

/** Remove the tokens that repeat settled ones. A translation is treated like the original before it. */
function behindSeam(held, tokens) {
  const window = tokens.filter((token) => !token.is_translation && !seamPassed(held.settledEndMs, token));
  const repeated = new Set(window.slice(0, firstNew(held.expected, window)));
  let dropping = repeated.size > 0;
  return tokens.filter((token) => {
    if (!token.is_translation) dropping = repeated.has(token);
    return !dropping;
  });
}

/** Divide a message into parts, `{mark}` or `{isFinal, token}`. */
function tokensOf({ tokens = [] }, offsetMs) {
  if (!Array.isArray(tokens)) throw new TypeError("tokens is no list");
  return tokens.flatMap((raw) => {
    if (raw === null || typeof raw !== "object" || typeof raw.text !== "string") throw new TypeError("a token has no text");
    // A token may contain a marker and other text, such as "amen.<end>".
    const parts = raw.text.split(/(<end>|<fin>)/);
    return (parts.length === 1 ? parts : parts.filter((part) => part.trim())).map((text) => {
      if (text === "<end>" || text === "<fin>") return { mark: text };
      return { isFinal: raw.is_final === true, token: tokenOf({ ...raw, text }, offsetMs) };
    });
  });
}

function tokenOf(raw, offsetMs) {
  const at = (name) => ((raw[name] ?? null) === null ? null : wholeMs(raw[name], name) + offsetMs);
  return {
    text: raw.text,
    start_ms: at("start_ms"),
    end_ms: at("end_ms"),
    speaker: (raw.speaker ?? null) === null ? null : String(raw.speaker),
    language: typeof raw.language === "string" ? raw.language : null,
    is_translation: raw.translation_status === "translation",
    source_language: typeof raw.source_language === "string" ? raw.source_language : null,
  };
}

/** Round halves to the even number, as the kernel does. */
function wholeMs(value, name) {
  if (!Number.isFinite(value)) throw new TypeError(`${name} is ${JSON.stringify(value)}, no number of milliseconds`);
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2 ? 1 : 0) : Math.round(value);
}
