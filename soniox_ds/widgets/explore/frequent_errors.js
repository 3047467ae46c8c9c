// The most frequent errors of the selected recordings. An error leads to its places, one after the other.

const ERROR_LETTERS = { substitution: "S", deletion: "D", insertion: "I", split: "S", join: "S" };

class FrequentErrorList {
  /** `ask(arm)` requests the list, `askPlaces(arm, error)` the places, and `go(arm, audio_id, word)` shows a place. */
  constructor(id, { ask, askPlaces, go }) {
    this.id = id;
    this.ask = ask;
    this.askPlaces = askPlaces;
    this.go = go;
    this.rows = [];
    this.current = -1;
    this.places = [];
    this.place = 0;
    this.status = make("p", { class: "sxe-empty", role: "status" });
    this.count = make("button", { type: "button", text: "Count the errors" });
    this.count.addEventListener("click", () => this.refresh());
    this.arm = make("select", { class: "sxe-axis", "aria-label": "System", "data-lm-suppress-shortcuts": "true" });
    this.arm.addEventListener("change", () => {
      this.choose(-1);
      this.refresh();
    });
    this.list = make("div", { class: "sxe-frequent-list", role: "listbox", tabindex: "0", "aria-label": "Frequent errors: arrow keys choose one, Enter shows its places" });
    this.where = make("span", { class: "sxe-where" });
    this.before = make("button", { type: "button", text: "◀", "aria-label": "Place before" });
    this.after = make("button", { type: "button", text: "▶", "aria-label": "Next place" });
    this.steps = make("div", { class: "sxe-steps", role: "group", "aria-label": "Places of the error" }, this.before, this.where, this.after);
    this.steps.hidden = true;
    this.root = make("section", { class: "sxe-frequent", "aria-label": "Frequent errors" },
      make("div", { class: "sxe-frequent-head" }, make("h3", { text: "Frequent errors" }), this.arm), this.steps, this.status, this.count, this.list);
    this.before.addEventListener("click", () => this.#step(-1));
    this.after.addEventListener("click", () => this.#step(1));
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest(".sxe-frequent-row");
      if (row) this.#open(Number(row.dataset.place));
    });
    this.list.addEventListener("focus", () => {
      if (this.current < 0 && this.rows.length) this.choose(0);
    });
    this.list.addEventListener("keydown", (event) => this.#typed(event));
    this.root.hidden = true;
  }

  start({ has_errors, arms, counts_at_once }) {
    this.root.hidden = !has_errors.length;
    this.arm.replaceChildren(...has_errors.map((number) => make("option", { value: String(number), text: arms[number] })));
    this.arm.hidden = has_errors.length < 2;
    this.count.hidden = counts_at_once;
    this.isCounted = counts_at_once;
    if (!counts_at_once) this.status.textContent = "The words of an opened corpus are read part by part, once.";
  }

  /** The selection has changed. */
  update() {
    if (this.isCounted && !this.root.hidden) this.refresh();
  }

  refresh() {
    if (this.arm.value) this.ask(Number(this.arm.value));
  }

  arrived({ arm, is_counting, errors, n_errors, n_different }) {
    if (String(arm) !== this.arm.value) return;
    this.count.hidden = true;
    if (is_counting) {
      this.status.textContent = "Counting…";
      return;
    }
    this.isCounted = true;
    const chosen = this.rows[this.current]?.[0];
    this.rows = errors;
    const more = n_different > errors.length ? `; the ${errors.length} most frequent are listed` : "";
    this.status.textContent = `${n_errors.toLocaleString("en")} errors, ${n_different.toLocaleString("en")} different${more}`;
    this.list.replaceChildren(...errors.map((row, place) => this.#row(row, place)));
    this.choose(errors.findIndex(([number]) => number === chosen), false);
  }

  counted({ arm, done, total, problem }) {
    if (String(arm) !== this.arm.value) return;
    if (problem) {
      this.status.textContent = problem;
      this.count.hidden = false;
    } else if (done === null) this.refresh();
    else this.status.textContent = `Counting: part ${done} of ${total}…`;
  }

  placed({ arm, error, places }) {
    if (String(arm) !== this.arm.value || this.rows[this.current]?.[0] !== error) return;
    this.places = places;
    this.place = 0;
    this.#show();
  }

  /** Choose a row. */
  choose(place, scrolls = true) {
    this.list.children[this.current]?.setAttribute("aria-selected", "false");
    if (place !== this.current) this.steps.hidden = true;
    this.current = place;
    const row = this.list.children[place];
    if (!row) {
      this.current = -1;
      this.list.removeAttribute("aria-activedescendant");
      return;
    }
    row.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", row.id);
    if (scrolls) scrollWithin(this.list, row);
  }

  #row([, operation, reference, hypothesis, count, recordings], place) {
    const letter = ERROR_LETTERS[operation];
    const times = `${count} ${count === 1 ? "time" : "times"} in ${recordings} ${recordings === 1 ? "recording" : "recordings"}`;
    return make("div", {
      class: "sxe-frequent-row", role: "option", id: `${this.id}-e${place}`, "aria-selected": "false", "data-place": String(place),
      title: `${operation}, ${times}`, "aria-label": `${operation}: reference ${reference ?? "nothing"}, transcript ${hypothesis ?? "nothing"}, ${times}`,
    }, make("span", { class: `sxe-key sxe-${letter}`, text: letter }),
    make("span", { class: "sxe-change" }, make("bdi", { text: reference ?? "–" }), " → ", make("bdi", { class: "sxe-new", text: hypothesis ?? "–" })),
    make("span", { class: "sxe-times", text: count.toLocaleString("en") }));
  }

  #open(place) {
    if (place === this.current && !this.steps.hidden) this.#step(1);
    else {
      this.choose(place);
      this.askPlaces(Number(this.arm.value), this.rows[place][0]);
    }
  }

  #step(by) {
    this.place = (this.place + by + this.places.length) % this.places.length;
    this.#show();
  }

  #show() {
    this.steps.hidden = !this.places.length;
    if (!this.places.length) return;
    this.where.textContent = `${this.place + 1} of ${this.places.length}`;
    this.go(Number(this.arm.value), ...this.places[this.place]);
  }

  #typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.rows.length) return;
    const last = this.rows.length - 1;
    if (event.key === "ArrowDown") this.choose(Math.min(this.current + 1, last));
    else if (event.key === "ArrowUp") this.choose(Math.max(this.current - 1, 0));
    else if (event.key === "Home") this.choose(0);
    else if (event.key === "End") this.choose(last);
    else if (event.key === "Enter") this.#open(Math.max(this.current, 0));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
