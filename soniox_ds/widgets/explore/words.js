// The words of the selected recording: a list in which one word at a time can be chosen, and played from.

const KINDS = { S: "substitution", D: "deletion", I: "insertion" };

const LONG_WORDS = 2000; // of longer texts, only what is in sight is laid out

/** The list of the words of one system. `chosen` is called with the times of a word that is to be played. */
class WordList {
  constructor(id, label, view, levels, chosen) {
    this.id = id;
    this.levels = levels;
    this.chosen = chosen;
    this.words = []; // {element, start, end}
    this.current = -1;
    this.playing = -1;
    this.root = make("div", {
      class: "sxe-words", role: "listbox", tabindex: "0", dir: view.direction, "aria-label": label,
    });
    for (const paragraph of view.paragraphs) this.root.append(this.#paragraph(paragraph));
    this.root.classList.toggle("sxe-long", this.words.length > LONG_WORDS);
    if (!this.words.length) this.root.replaceWith(this.root = make("p", { class: "sxe-empty", text: "No words." }));
    if (view.n_more) this.root.append(make("p", { class: "sxe-empty", text: `… and ${view.n_more} more words` }));
    this.root.addEventListener("click", (event) => {
      const word = event.target.closest(".sxe-word");
      if (!word) return;
      this.move(this.words.findIndex(({ element }) => element === word));
      this.play();
    });
    this.root.addEventListener("keydown", (event) => this.#typed(event));
    this.root.addEventListener("focus", () => {
      if (this.current < 0 && this.words.length) this.move(0, false);
    });
  }

  #paragraph({ speaker, colour, clock: time, heading, words }) {
    const elements = words.flatMap((word) => this.#word(word));
    const attributes = speaker ? { role: "group", "aria-label": speaker } : { role: "presentation" };
    const block = make("div", { class: "sxe-paragraph", ...attributes });
    if (heading && (speaker || time)) {
      const swatch = make("span", { class: "sxe-swatch" });
      swatch.style.background = colour || "transparent";
      block.append(make("div", { class: "sxe-who", "aria-hidden": "true" },
        ...(speaker ? [swatch, make("bdi", { text: speaker })] : []), make("span", { class: "sxe-time", text: time })));
    }
    if (colour) block.style.borderInlineStartColor = colour;
    block.append(make("div", { role: "presentation" }, ...elements));
    return block;
  }

  #word([kind, reference, hypothesis, start, end, confidence, hasSpace]) {
    const facts = [];
    if (kind) facts.push(KINDS[kind]);
    if (start !== null) facts.push(`at ${clock(start)}`);
    if (confidence !== null) facts.push(`confidence ${confidence.toFixed(2)}`);
    const title = facts.join(", ");
    const element = make("span", {
      class: "sxe-word", role: "option", "aria-selected": "false", id: `${this.id}-${this.words.length}`, title,
    });
    if (kind) {
      element.classList.add("sxe-error", `sxe-${kind}`);
      element.setAttribute("aria-label",
        `${KINDS[kind]}: reference ${reference ?? "nothing"}, transcript ${hypothesis ?? "nothing"}, ${title}`);
      element.append(
        make("span", { class: "sxe-reference" }, make("bdi", { text: reference ?? "–" }), make("sup", { text: kind })),
        make("span", { class: "sxe-hypothesis" }, make("bdi", { text: hypothesis ?? "–" })),
      );
    } else {
      element.textContent = hypothesis;
      element.setAttribute("aria-label", title ? `${hypothesis}, ${title}` : hypothesis);
    }
    const step = confidence === null ? -1 : this.levels.findIndex((level) => confidence < level - 1e-6);
    if (step >= 0) element.classList.add(`sxe-low${step}`);
    this.words.push({ element, start, end, kind });
    return hasSpace ? [" ", element] : [element];
  }

  /** Choose a word. */
  move(place, scrolls = true) {
    this.words[this.current]?.element.setAttribute("aria-selected", "false");
    this.current = Math.min(Math.max(place, 0), this.words.length - 1);
    const { element } = this.words[this.current];
    element.setAttribute("aria-selected", "true");
    this.root.setAttribute("aria-activedescendant", element.id);
    if (scrolls) scrollWithin(this.root, element);
  }

  /** Play from the chosen word, or from the last word before it that has a time. */
  play() {
    for (let place = this.current; place >= 0; place -= 1) {
      if (this.words[place].start !== null) {
        this.chosen(this.words[place].start);
        return;
      }
    }
    this.chosen(0);
  }

  /** Mark the word that is heard at a time. */
  follow(timeMs) {
    let place = this.playing;
    const isAt = (number) => {
      const word = this.words[number];
      return word && word.start !== null && word.start <= timeMs && timeMs < Math.max(word.end, word.start + 1);
    };
    if (timeMs === null) place = -1;
    else if (!isAt(place)) place = isAt(place + 1) ? place + 1 : this.words.findIndex((_, number) => isAt(number));
    if (place === this.playing) return;
    this.words[this.playing]?.element.classList.remove("sxe-heard");
    this.playing = place;
    const word = this.words[place];
    if (!word) return;
    word.element.classList.add("sxe-heard");
    scrollWithin(this.root, word.element);
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.words.length) return;
    const isRightToLeft = this.root.dir === "rtl";
    const forward = isRightToLeft ? "ArrowLeft" : "ArrowRight";
    const back = isRightToLeft ? "ArrowRight" : "ArrowLeft";
    if (event.key === forward) this.move(this.current + 1);
    else if (event.key === back) this.move(this.current - 1);
    else if (event.key === "ArrowDown") this.move(this.#inLine(1));
    else if (event.key === "ArrowUp") this.move(this.#inLine(-1));
    else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(this.words.length - 1);
    else if (event.key === "Enter") this.play();
    else if (event.key === "e") this.#nextError();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #nextError() {
    const next = this.words.findIndex(({ kind }, place) => kind && place > this.current);
    const first = this.words.findIndex(({ kind }) => kind);
    if (next >= 0 || first >= 0) this.move(next >= 0 ? next : first);
  }

  /** The word in the line below or above that is nearest. */
  #inLine(step) {
    const middle = (place) => {
      const { left, right } = this.words[place].element.getBoundingClientRect();
      return (left + right) / 2;
    };
    const top = (place) => this.words[place].element.getBoundingClientRect().bottom;
    const from = Math.max(this.current, 0);
    let place = from;
    let line = null;
    let best = from;
    while (this.words[place + step]) {
      place += step;
      if (Math.abs(top(place) - top(from)) < 4) continue;
      line ??= top(place);
      if (Math.abs(top(place) - line) > 14) break;
      if (best === from || Math.abs(middle(place) - middle(from)) < Math.abs(middle(best) - middle(from))) best = place;
    }
    return best;
  }
}

/** Scroll a list so that an element in it is visible, without moving the page. */
function scrollWithin(list, element) {
  const outer = list.getBoundingClientRect();
  const inner = element.getBoundingClientRect();
  if (inner.top < outer.top + 4) list.scrollTop += inner.top - outer.top - 24;
  else if (inner.bottom > outer.bottom - 4) list.scrollTop += inner.bottom - outer.bottom + 24;
}
