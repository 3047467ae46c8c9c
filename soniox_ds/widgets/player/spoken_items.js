// The words of a view that can be heard: elements with `data-span`, start and end in milliseconds. Elements that begin a
// stretch (a speaker, a line) are buttons. One item at a time can take the focus (the arrows move it), because a view may
// have thousands of words.

class SpokenItems {
  /**
   * `body` contains the items, and `root` the keys. `spanOf(item)` is what a ClipPlayer (`player`) is to play.
   * `heardAt(item, timeMs, items)` is the word that is heard while `item` is played, or null. `changed(isPlaying)` is
   * called when the playing begins or ends, and `lost()` says whether the kernel is gone.
   */
  constructor(root, body, { player, spanOf, heardAt, changed, lost = () => false }) {
    Object.assign(this, { body, player, spanOf, heardAt, changed, lost });
    this.items = [];
    this.current = null; // the item that can take the focus
    this.playing = null; // the item that was chosen
    this.marked = null; // the word that is heard now
    root.addEventListener("keydown", (event) => this.#typed(event));
    body.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Take up the items of the body, after it was drawn. */
  refresh() {
    this.items = [...this.body.querySelectorAll("[data-span]")];
    for (const item of this.items) {
      if (item.tagName !== "BUTTON") continue;
      item.dataset.lmSuppressShortcuts = "true";
      if (item !== this.current) item.tabIndex = -1;
    }
    if (!this.items.includes(this.current)) {
      this.current = null;
      if (this.items.length) this.#makeCurrent(this.items[0]);
    }
  }

  play(item) {
    this.#makeCurrent(item);
    const again = this.playing === item;
    this.player.stop();
    if (again || this.lost()) return;
    this.player.play(this.spanOf(item));
    this.playing = item;
    this.changed(true);
    item.classList.add("sx-playing");
  }

  /** Show what the player plays; it calls this. */
  drawn(span, timeMs) {
    if (!span) {
      this.playing?.classList.remove("sx-playing");
      this.playing = null;
      this.changed(false);
    }
    const word = span && this.playing ? this.heardAt(this.playing, timeMs, this.items) : null;
    if (word === this.marked) return;
    this.marked?.classList.remove("sx-heard");
    word?.classList.add("sx-heard");
    this.marked = word;
  }

  /** Let an item take the focus; a word then is a button for screen readers. */
  #makeCurrent(item) {
    const { current } = this;
    if (item === current) return;
    if (current) {
      current.tabIndex = -1;
      if (current.tagName !== "BUTTON") {
        current.removeAttribute("tabindex");
        if (current.dataset.label === undefined) current.removeAttribute("role");
        else {
          current.setAttribute("role", "group");
          current.setAttribute("aria-label", current.dataset.label);
        }
      }
    }
    this.current = item;
    item.tabIndex = 0;
    item.dataset.lmSuppressShortcuts = "true";
    if (item.tagName === "BUTTON") return;
    item.setAttribute("role", "button");
    if (item.hasAttribute("aria-label")) {
      item.dataset.label ??= item.getAttribute("aria-label");
      item.setAttribute("aria-label", `${item.dataset.label}: ${item.innerText.replace(/\s+/g, " ")}`);
    }
  }

  #move(by, isWanted = () => true) {
    let place = this.items.indexOf(this.current) + by;
    while (this.items[place] && !isWanted(this.items[place])) place += by;
    this.#focus(this.items[place]);
  }

  #focus(item) {
    if (!item) return;
    this.#makeCurrent(item);
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.current) return;
    const isRightToLeft = getComputedStyle(this.current).direction === "rtl";
    const isButton = (item) => item.tagName === "BUTTON";
    if (event.key === "Escape") this.player.stop();
    else if (!this.body.contains(event.target)) return;
    else if (event.key === "ArrowRight") this.#move(isRightToLeft ? -1 : 1);
    else if (event.key === "ArrowLeft") this.#move(isRightToLeft ? 1 : -1);
    else if (event.key === "ArrowDown") this.#move(1, isButton);
    else if (event.key === "ArrowUp") this.#move(-1, isButton);
    else if (event.key === "Home") this.#focus(this.items[0]);
    else if (event.key === "End") this.#focus(this.items.at(-1));
    else if (event.key === "Enter" || event.key === " ") this.play(this.current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #clicked({ target }) {
    const item = target.closest("[data-span]") ?? target.closest("tr")?.querySelector("[data-span]");
    if (!item || (item.tagName !== "BUTTON" && !getSelection().isCollapsed)) return; // text is being selected
    this.play(item);
    item.focus({ preventScroll: true });
  }
}
