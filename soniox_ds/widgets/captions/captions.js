/* Captions: settled words in lines, one line for each utterance and speaker, followed by the pending words, with
   translations beside them. Text is only ever set as text, never as markup. A token has `text` and optionally
   `start_ms`, `speaker`, `language`, `is_translation`. */

const CAPTION_COLOURS = 8;
const CAPTION_LINES = 400;

class Captions {
  /** Draw into `root`. `label` names the region for screen readers, `empty` is shown while there are no captions.
  `place`
      is the scroll position, `{follows, top}`; `moved(place)` is called when it changes. */
  constructor(root, { label = "Captions", empty = "", place = {}, moved = () => {} } = {}) {
    root.classList.add("sx-captions");
    this.log = captionElement("div", "sx-log", { role: "log", "aria-live": "polite", "aria-label": label, tabindex: "0" });
    this.log.dataset.lmSuppressShortcuts = "true";
    this.empty = captionElement("p", "sx-empty", { "aria-hidden": "true" });
    this.empty.textContent = empty;
    this.latest = captionElement("button", "sx-latest", { type: "button", hidden: "" });
    this.latest.dataset.lmSuppressShortcuts = "true";
    this.latest.textContent = "↓ latest";
    this.log.append(this.empty);
    root.replaceChildren(this.log, this.latest);
    this.lines = [];
    this.ghosts = [];
    this.voices = new Map();
    this.place = { follows: true, top: 0, ...place };
    this.moved = moved;
    this.latest.hidden = this.place.follows;
    this.log.addEventListener("scroll", () => this.#noteScroll());
    // An element outside the page cannot be scrolled, and an element that is removed loses its scroll position.
    new ResizeObserver(() => this.#goToPlace()).observe(this.log);
    this.latest.addEventListener("click", () => this.follow());
    this.log.addEventListener("keydown", (event) => {
      if (event.key === "End") this.follow();
    });
  }

  clear() {
    this.lines.forEach((line) => line.row.remove());
    this.lines = [];
    this.pending([]);
    this.voices.clear();
    this.empty.hidden = false;
  }

  /** Go to the latest words, and stay with them. */
  follow() {
    this.#move({ follows: true, top: this.log.scrollTop });
    this.#goToPlace();
  }

  /** Add settled tokens, in order. `ends` are the positions among them (from 0) after which an utterance ended. */
  add(tokens, ends = []) {
    const breaks = new Set(ends);
    this.#dropGhosts();
    if (breaks.has(0)) this.#endLine();
    tokens.forEach((token, index) => {
      if (token.is_translation) this.#translationLine(token).translate(token);
      else this.#lineFor(token).say(token.text, token);
      if (breaks.has(index + 1)) this.#endLine();
    });
    while (this.lines.length > CAPTION_LINES) this.lines.shift().row.remove();
    this.#drawn();
  }

  /** Replace the pending tokens at the end. */
  pending(tokens) {
    this.#dropGhosts();
    for (const token of tokens) {
      const line = token.is_translation ? this.#translationLine(token, true) : this.#lineFor(token, true);
      const cell = token.is_translation ? line.translationCell(token.language) : line.said;
      let ghost = cell.lastElementChild;
      if (!ghost) {
        ghost = captionElement("span", "sx-pending", { "aria-hidden": "true" });
        cell.append(ghost);
        this.ghosts.push(ghost);
      }
      ghost.textContent += token.text;
    }
    this.#drawn();
  }

  /** Add a remark between the lines, for example that the connection was renewed. */
  remark(text) {
    this.#dropGhosts();
    this.#endLine();
    const row = captionElement("div", "sx-remark");
    row.textContent = text;
    this.log.append(row);
    this.lines.push({ row, isOver: true, isRemark: true });
    this.#drawn();
  }

  get text() {
    return this.lines.filter((line) => !line.isRemark).map((line) => line.said.textContent.trim()).join("\n");
  }

  #lineFor(token, ghostly = false) {
    const speaker = token.speaker ?? null;
    const last = this.#lastLine();
    if (last && !last.isOver && (last.speaker === speaker || speaker === null)) return last;
    const before = this.lines.filter((line) => !line.isRemark).pop();
    const line = new CaptionLine(token, {
      name: before && before.speaker === speaker ? "" : captionName(speaker),
      colour: this.#colourOf(speaker),
    });
    if (ghostly) {
      line.row.setAttribute("aria-hidden", "true");
      line.isGhost = true;
    }
    this.log.append(line.row);
    this.lines.push(line);
    return line;
  }

  /** Put a translation after its original, perhaps after the utterance has ended. */
  #translationLine(token, ghostly = false) {
    const lines = this.lines.filter((line) => !line.isRemark && (ghostly || !line.isGhost));
    const recent = lines.slice(-4).reverse();
    const own = recent.find((line) => token.speaker === undefined || token.speaker === null || line.speaker === token.speaker);
    return own || recent[0] || this.#lineFor({ ...token, text: "" }, ghostly);
  }

  #lastLine() {
    return this.lines[this.lines.length - 1];
  }

  #endLine() {
    const last = this.#lastLine();
    if (last) last.isOver = true;
  }

  #dropGhosts() {
    this.ghosts.forEach((ghost) => ghost.remove());
    this.ghosts = [];
    while (this.lines.length && this.#lastLine().isGhost) this.lines.pop().row.remove();
  }

  #colourOf(speaker) {
    if (speaker === null) return null;
    if (!this.voices.has(speaker)) this.voices.set(speaker, this.voices.size % CAPTION_COLOURS);
    return this.voices.get(speaker);
  }

  #drawn() {
    this.empty.hidden = this.lines.length > 0;
    if (this.place.follows) this.#goToPlace();
  }

  #goToPlace() {
    this.log.scrollTop = this.place.follows ? this.log.scrollHeight : this.place.top;
  }

  #noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    if (clientHeight) this.#move({ follows: scrollHeight - scrollTop - clientHeight < 24, top: scrollTop });
  }

  #move(place) {
    this.place = place;
    this.latest.hidden = place.follows;
    this.moved(place);
  }
}

class CaptionLine {
  constructor(token, { name, colour }) {
    this.speaker = token.speaker ?? null;
    this.isOver = false;
    this.isGhost = false;
    this.row = captionElement("div", "sx-line");
    if (colour !== null) this.row.dataset.voice = String(colour);
    this.time = captionElement("span", "sx-time");
    this.time.textContent = captionClock(token.start_ms);
    const body = captionElement("div", "sx-body");
    if (name) {
      const who = captionElement("span", "sx-who");
      who.textContent = name;
      body.append(who);
    }
    this.words = captionElement("div", "sx-words");
    this.said = captionElement("span", "sx-said", { dir: "auto" });
    this.words.append(this.said);
    body.append(this.words);
    this.row.append(this.time, body);
  }

  say(text, token) {
    if (!this.time.textContent) this.time.textContent = captionClock(token.start_ms);
    if (token.language) this.said.lang = token.language;
    appendCaption(this.said, text);
  }

  translate(token) {
    appendCaption(this.translationCell(token.language), token.text);
  }

  translationCell(language) {
    if (!this.translation) {
      this.translation = captionElement("span", "sx-translation", { dir: "auto" });
      if (language) this.translation.lang = language;
      this.words.append(this.translation);
    }
    return this.translation;
  }
}

/** Add settled text. The pieces of a word form one text node, or screen readers would read them separately. */
function appendCaption(cell, text) {
  const last = cell.lastChild;
  const shown = last ? text : text.trimStart();
  if (!shown) return;
  if (!last || /^\s/u.test(shown) || /\s$/u.test(last.data)) cell.append(shown);
  else last.appendData(shown);
}

/** "2" is a speaker of the first session, "2@3" of the third; they may or may not be the same person. */
function captionName(speaker) {
  if (speaker === null) return "";
  const [number, session] = speaker.split("@");
  return session ? `Speaker ${number} (connection ${session})` : `Speaker ${number}`;
}

function captionClock(ms) {
  if (ms === undefined || ms === null) return "";
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part, index) => String(part).padStart(index ? 2 : 1, "0"));
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${parts[0].padStart(2, "0")}:${parts[1]}` : parts.join(":");
}

function captionElement(tag, className, attributes = {}) {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
