/* Captions: settled words in lines, one line for each utterance, speaker and language, followed by the pending words,
   with translations beside them. Text is only ever set as text, never as markup. A token has `text` and optionally
   `start_ms`, `end_ms`, `speaker`, `language`, `is_translation`, `source_language`. */

const CAPTION_COLOURS = 8;
const CAPTION_LINES = 400; // most lines in the page
const CAPTION_TIMES = new WeakMap(); // text node of settled words -> {start, end} in milliseconds

class Captions {
  /** Draw into `root`. `label` names the region for screen readers, `empty` is shown while there are no captions.
      `place` is the scroll position, `{follows, top}`; `moved(place)` is called when it changes. `groupBy` is
      "utterance" (lines in their order), "speaker" or "language" (the lines of each together). */
  constructor(root, { label = "Captions", empty = "", place = {}, moved = () => {}, groupBy = "utterance" } = {}) {
    root.classList.add("sx-captions");
    this.root = root;
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
    this.hiddenLines = 0; // number of lines at the beginning that are no longer in the page
    this.ghosts = [];
    this.voices = new Map();
    this.languages = new Set();
    this.groupBy = groupBy;
    this.groups = new Map();
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
    this.lines.forEach((line) => line.remove());
    this.lines = [];
    this.hiddenLines = 0;
    this.pending([]);
    this.voices.clear();
    this.languages.clear();
    this.#dropGroups();
    this.root.classList.remove("sx-many-languages");
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
      if (token.is_translation) this.#translate(this.#translatedLine(token), token);
      else this.#say(this.#lineFor(token), token);
      if (token.language) this.languages.add(token.language);
      if (breaks.has(index + 1)) this.#endLine();
    });
    for (; this.lines.length - this.hiddenLines > CAPTION_LINES; this.hiddenLines += 1) this.lines[this.hiddenLines].remove();
    this.root.classList.toggle("sx-many-languages", this.languages.size > 1);
    this.#drawn();
  }

  /** Replace the pending tokens at the end. */
  pending(tokens) {
    this.#dropGhosts();
    for (const token of tokens) {
      const line = token.is_translation ? this.#translatedLine(token, true) : this.#lineFor(token, true);
      const cell = token.is_translation ? this.#translationCell(line, token.language) : line.said;
      let ghost = [...cell.children].find((child) => child.className === "sx-pending");
      if (!ghost) {
        ghost = captionElement("span", "sx-pending", { "aria-hidden": "true" });
        cell.append(ghost);
        this.ghosts.push(ghost);
      }
      ghost.textContent += token.text;
    }
    this.#drawn();
  }

  /** Group the lines in another way. Screen readers are not told the same words again. */
  regroup(groupBy) {
    if (groupBy === this.groupBy) return;
    this.groupBy = groupBy;
    this.log.setAttribute("aria-live", "off");
    this.#dropGroups();
    this.lines.slice(this.hiddenLines).forEach((line) => this.#put(line));
    this.#drawn();
    requestAnimationFrame(() => this.log.setAttribute("aria-live", "polite"));
  }

  /** True if there are settled words. */
  get hasWords() {
    return this.lines.some((line) => !line.isGhost);
  }

  /** Make the settled words elements that can be heard: `data-span` has start and end. Lines get a button each. */
  open() {
    this.lines.forEach((line) => line.open());
    this.#drawn();
  }

  /** All settled words as text, one line for each line of the captions, translations below their originals. */
  get text() {
    const many = this.languages.size > 1;
    return this.lines.filter((line) => !line.isGhost).map((line) => {
      const marked = (text, language) => (many && language ? `[${language}] ${text}` : text);
      const name = captionName(line.speaker);
      const said = marked(captionSettled(line.said), line.language);
      const translation = line.translation ? captionSettled(line.translation) : "";
      return [
        name ? `${name}: ${said}` : said,
        ...(translation ? [`→ ${marked(translation, line.translationLanguage)}`] : []),
      ].join("\n");
    }).join("\n");
  }

  #lineFor(token, ghostly = false) {
    const speaker = token.speaker ?? null;
    const language = token.language ?? null;
    const last = this.#lastLine();
    const isSame = (label, other) => label === other || label === null;
    if (last && !last.isOver && isSame(speaker, last.speaker) && (last.language === null || isSame(language, last.language))) return last;
    const line = new CaptionLine(token, this.#colourOf(speaker));
    line.isGhost = ghostly;
    if (ghostly) line.row.setAttribute("aria-hidden", "true");
    this.lines.push(line);
    this.#put(line);
    return line;
  }

  /** Return the line that a translation belongs to; its utterance may have ended. */
  #translatedLine(token, ghostly = false) {
    const lines = this.lines.filter((line) => ghostly || !line.isGhost);
    const recent = lines.slice(-4).reverse();
    const ofSpeaker = recent.filter((line) => (token.speaker ?? null) === null || line.speaker === token.speaker);
    const ofLanguage = ofSpeaker.filter((line) => token.source_language && line.language === token.source_language);
    // Of two lines in the same language, the earlier one may still wait for its translation.
    return ofLanguage[0] ?? ofSpeaker[0] ?? recent[0] ?? this.#lineFor({ ...token, text: "" }, ghostly);
  }

  #say(line, token) {
    const isNew = token.language && line.language === null;
    line.say(token);
    if (isNew && this.groupBy === "language") this.#put(line);
  }

  #translate(line, token) {
    appendCaption(this.#translationCell(line, token.language), token);
  }

  #translationCell(line, language) {
    if (!line.translation) {
      line.addTranslation(language ?? null);
      this.#put(line);
    }
    return line.translation;
  }

  /** Put a line where its group is. In groups of languages, its translation has a line of its own. */
  #put(line) {
    const isByLanguage = this.groupBy === "language";
    const key = { speaker: line.speaker, language: line.language }[this.groupBy];
    this.#append(line, line.row, key);
    if (!line.translated) return;
    if (isByLanguage) this.#append(line, line.translationRow(), line.translationLanguage);
    else line.joinTranslation();
  }

  #append(line, row, key) {
    const group = this.#groupOf(key);
    if (row.parentElement === group) return;
    const isKnown = group.lastElementChild?.dataset.speaker === row.dataset.speaker;
    group.append(row);
    line.name(row, this.groupBy === "speaker" || isKnown ? "" : captionName(line.speaker));
  }

  #groupOf(key) {
    if (this.groupBy === "utterance") return this.log;
    if (!this.groups.has(key)) {
      const isSpeaker = this.groupBy === "speaker";
      const title = isSpeaker ? captionName(key) || "Unknown speaker" : languageName(key) || "Unknown language";
      const group = captionElement("div", "sx-group", { role: "group", "aria-label": title });
      const heading = captionElement("div", "sx-group-name");
      heading.textContent = title;
      if (isSpeaker && key !== null) group.dataset.voice = String(this.#colourOf(key));
      group.append(heading);
      this.log.append(group);
      this.groups.set(key, group);
    }
    return this.groups.get(key);
  }

  #dropGroups() {
    this.groups.forEach((group) => group.remove());
    this.groups.clear();
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
    while (this.lines.length && this.#lastLine().isGhost) this.lines.pop().remove();
    for (const [key, group] of this.groups) {
      if (group.querySelector(".sx-line")) continue;
      group.remove();
      this.groups.delete(key);
    }
  }

  #colourOf(speaker) {
    if (speaker === null) return null;
    if (!this.voices.has(speaker)) this.voices.set(speaker, this.voices.size % CAPTION_COLOURS);
    return this.voices.get(speaker);
  }

  #drawn() {
    this.empty.hidden = this.lines.length > 0;
    this.log.dataset.groupBy = this.groupBy;
    if (this.place.follows) this.#goToPlace();
  }

  /** The scroll position at which the latest words are the lowest that can be seen. */
  get #latestTop() {
    const { scrollHeight, clientHeight, scrollTop } = this.log;
    const latest = this.#lastLine();
    if (this.groupBy === "utterance" || !latest) return scrollHeight - clientHeight;
    const lowest = Math.max(...latest.rows.map((row) => row.getBoundingClientRect().bottom));
    const bottom = lowest - this.log.getBoundingClientRect().top + scrollTop + 8;
    return Math.max(0, Math.min(bottom, scrollHeight) - clientHeight);
  }

  #goToPlace() {
    this.log.scrollTop = this.place.follows ? this.#latestTop : this.place.top;
  }

  #noteScroll() {
    const { scrollTop, clientHeight } = this.log;
    if (clientHeight) this.#move({ follows: Math.abs(this.#latestTop - scrollTop) < 24, top: scrollTop });
  }

  #move(place) {
    this.place = place;
    this.latest.hidden = place.follows;
    this.moved(place);
  }
}

class CaptionLine {
  constructor(token, colour) {
    this.speaker = token.speaker ?? null;
    this.language = null;
    this.colour = colour;
    this.isOver = false;
    this.isGhost = false;
    Object.assign(this, this.#newRow()); // row, time, words
    this.said = captionElement("span", "sx-said", { dir: "auto" });
    this.original = captionElement("div", "sx-original");
    this.original.append(this.said);
    this.words.append(this.original);
    this.time.textContent = captionClock(token.start_ms);
    this.#speak(token.language);
  }

  /** The rows of this line that are in the page. */
  get rows() {
    return [this.row, this.own?.row].filter((row) => row?.isConnected);
  }

  say(token) {
    if (!this.time.textContent) this.time.textContent = captionClock(token.start_ms);
    this.#speak(token.language);
    appendCaption(this.said, token);
  }

  addTranslation(language) {
    this.translationLanguage = language;
    this.translated = captionElement("div", "sx-translated");
    this.translation = captionElement("span", "sx-translation", { dir: "auto" });
    if (language) this.translation.lang = language;
    this.translated.append(...languageBadge(language), this.translation);
  }

  /** Put the translation beside its original. */
  joinTranslation() {
    this.own?.row.remove();
    if (this.translated.parentElement !== this.words) this.words.append(this.translated);
  }

  /** Put the translation into a row of its own, and return that row. */
  translationRow() {
    this.own ??= this.#newRow();
    this.own.time.textContent = this.time.textContent;
    if (this.translated.parentElement !== this.own.words) this.own.words.append(this.translated);
    return this.own.row;
  }

  /** Make the words elements, and the time a button, which is read as "Play from 0:12". */
  open() {
    for (const words of [...this.said.childNodes]) {
      const times = words instanceof Text ? CAPTION_TIMES.get(words) : null;
      if (!times || !words.data.trim()) continue;
      const word = captionElement("span", "sx-word");
      word.dataset.span = `${times.start} ${times.end}`;
      word.textContent = words.data.trim();
      words.replaceWith(words.data.slice(0, words.data.indexOf(word.textContent)), word);
    }
    const first = this.said.querySelector("[data-span]");
    if (!first || this.time.tagName === "BUTTON") return;
    const button = captionElement("button", "sx-time", { type: "button", "aria-label": `Play from ${this.time.textContent}` });
    button.dataset.span = first.dataset.span;
    button.textContent = this.time.textContent;
    this.time.replaceWith(button);
    this.time = button;
  }

  /** Show the name of the speaker above a row; "" shows none. */
  name(row, text) {
    row.querySelector(".sx-who")?.remove();
    if (!text) return;
    const who = captionElement("span", "sx-who");
    who.textContent = text;
    row.querySelector(".sx-body").prepend(who);
  }

  remove() {
    this.row.remove();
    this.own?.row.remove();
  }

  #speak(language) {
    if (!language || this.language !== null) return;
    this.language = language;
    this.said.lang = language;
    this.original.prepend(...languageBadge(language));
  }

  #newRow() {
    const row = captionElement("div", "sx-line");
    row.dataset.speaker = this.speaker ?? "";
    if (this.colour !== null) row.dataset.voice = String(this.colour);
    const body = captionElement("div", "sx-body");
    const words = captionElement("div", "sx-words");
    const time = captionElement("span", "sx-time");
    body.append(words);
    row.append(time, body);
    return { row, time, words };
  }
}

/** The code of a language, with its name for the pointer and for screen readers. It is shown where there are several. */
function languageBadge(language) {
  if (!language) return [];
  const name = languageName(language);
  const badge = captionElement("span", "sx-language", { role: "img", "aria-label": name, title: name });
  badge.textContent = language.toUpperCase();
  return [badge];
}

/** The English name of a language, or its code if the browser knows no name. */
function languageName(language) {
  if (!language) return "";
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(language) ?? language;
  } catch {
    return language; // it is not a language code
  }
}

/** The settled text of a cell. */
function captionSettled(cell) {
  return [...cell.childNodes].filter((node) => node.className !== "sx-pending").map((node) => node.textContent).join("").trim();
}

/** Add settled text. The pieces of a word form one text node, or screen readers would read them separately. */
function appendCaption(cell, { text, start_ms: start, end_ms: end }) {
  const last = cell.lastChild;
  const shown = last ? text : text.trimStart();
  if (!shown) return;
  if (last instanceof Text && !/^\s/u.test(shown) && !/\s$/u.test(last.data)) {
    last.appendData(shown);
    const times = CAPTION_TIMES.get(last);
    if (times) times.end = end ?? times.end;
    return;
  }
  const words = document.createTextNode(shown);
  if (start !== undefined && start !== null) CAPTION_TIMES.set(words, { start, end: end ?? start });
  cell.append(words);
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
