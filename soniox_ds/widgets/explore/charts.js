// Histograms and the scatter. A range that is drawn with the mouse becomes the filter of a column, which can also be
// typed; the charts themselves need no keyboard.

const SCATTER_MARGIN = { left: 52, right: 10, top: 8, bottom: 22 };
const NEAR_PX = 12;
const SVG = "http://www.w3.org/2000/svg";

class Charts {
  /** `filter(name, text)` sets the filter of a column, `open(point)` shows a recording, `ask(x, y)` requests points. */
  constructor(root, { filter, open, ask }) {
    this.root = root;
    this.filter = filter;
    this.open = open;
    this.ask = ask;
    this.histograms = new Map();
    this.points = null; // {x, y, axes, is_diagonal}
    this.mask = null;
  }

  start({ histograms, columns, axes }) {
    const row = make("div", { class: "sxe-histograms" });
    this.root.append(row);
    for (const histogram of histograms) {
      const chart = new HistogramChart(histogram, this.filter);
      this.histograms.set(histogram.name, chart);
      row.append(chart.root);
    }
    const numbers = columns.filter(({ kind }) => kind === "number");
    if (axes.length < 2) return;
    this.selects = axes.map((name, place) => {
      const select = make("select", {
        class: "sxe-axis", "aria-label": place ? "Vertical axis" : "Horizontal axis", "data-lm-suppress-shortcuts": "true",
      }, ...numbers.map((column) => make("option", { value: column.name, text: column.label })));
      select.value = name;
      select.addEventListener("change", () => this.#request());
      return select;
    });
    this.canvas = make("canvas", { class: "sxe-points", role: "img" });
    this.box = make("div", { class: "sxe-box", "aria-hidden": "true" });
    this.box.hidden = true;
    this.plane = make("div", { class: "sxe-plane" }, this.canvas, this.box);
    this.note = make("span", { class: "sxe-note" });
    this.root.append(make("figure", { class: "sxe-chart sxe-scatter" },
      make("figcaption", {}, this.selects[1], make("span", { text: "against" }), this.selects[0], this.note), this.plane));
    this.units = new Map(numbers.map((column) => [column.name, column.scale]));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.plane);
    this.#drag();
    this.#request();
  }

  /** Show which recordings are selected: the counts of the bins by column, and a mask of the points. */
  select(counts, mask) {
    for (const [name, values] of Object.entries(counts)) this.histograms.get(name)?.select(values);
    this.mask = mask;
    this.draw();
  }

  /** Filters have changed: ranges that are no longer filters are not shown any more. */
  filters(filters) {
    for (const [name, chart] of this.histograms) chart.filtered(filters[name] ?? "");
  }

  arrived({ axes, is_diagonal, n_all }, buffers) {
    const floats = (buffer) => new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
    this.points = { axes, is_diagonal, x: floats(buffers[0]), y: floats(buffers[1]) };
    const { length } = this.points.x;
    this.note.textContent = length < n_all ? `${length.toLocaleString("en")} of ${n_all.toLocaleString("en")} recordings are drawn` : "";
    this.draw();
  }

  close() {
    this.resized?.disconnect();
  }

  #request() {
    this.ask(this.selects[0].value, this.selects[1].value);
  }

  #area() {
    const { clientWidth, clientHeight } = this.plane;
    const { left, right, top, bottom } = SCATTER_MARGIN;
    return { left, top, width: clientWidth - left - right, height: clientHeight - top - bottom };
  }

  /** A function from a point to its place in the plane. */
  #placing() {
    const { left, top, width, height } = this.#area();
    const { axes: [xAxis, yAxis], x, y } = this.points;
    const perX = width / (xAxis.high - xAxis.low);
    const perY = height / (yAxis.high - yAxis.low);
    return (point) => [left + Math.min((x[point] - xAxis.low) * perX, width), top + height - Math.min((y[point] - yAxis.low) * perY, height)];
  }

  draw() {
    if (!this.points || !this.plane.clientWidth) return;
    const { axes, is_diagonal, x, y } = this.points;
    const { clientWidth, clientHeight } = this.plane;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = clientWidth * scale;
    this.canvas.height = clientHeight * scale;
    const brush = this.canvas.getContext("2d");
    brush.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const accent = getComputedStyle(this.box).borderTopColor;
    const { left, top, width, height } = this.#area();
    brush.font = `11px ${style.fontFamily}`;
    brush.fillStyle = style.color;
    brush.strokeStyle = style.color;
    brush.lineWidth = 1;
    const [xAxis, yAxis] = axes;
    brush.textAlign = "center";
    let lastEnd = -Infinity;
    for (const [value, text] of xAxis.ticks) {
      const at = left + ((value - xAxis.low) / (xAxis.high - xAxis.low)) * width;
      const half = brush.measureText(text).width / 2;
      const middle = Math.min(at, clientWidth - half - 1);
      brush.globalAlpha = 0.18;
      brush.fillRect(Math.round(at), top, 1, height);
      brush.globalAlpha = 1;
      if (middle - half < lastEnd + 6) continue;
      lastEnd = middle + half;
      brush.fillText(text, middle, clientHeight - 6);
    }
    brush.textAlign = "right";
    for (const [value, text] of yAxis.ticks) {
      const at = top + (1 - (value - yAxis.low) / (yAxis.high - yAxis.low)) * height;
      brush.globalAlpha = 0.18;
      brush.fillRect(left, Math.round(at), width, 1);
      brush.globalAlpha = 1;
      brush.fillText(text, left - 6, Math.max(at + 4, 10));
    }
    if (is_diagonal) {
      brush.globalAlpha = 0.6;
      brush.beginPath();
      const top_ = Math.min(xAxis.high, yAxis.high);
      const at = (value) => [left + ((value - xAxis.low) / (xAxis.high - xAxis.low)) * width,
        top + (1 - (value - yAxis.low) / (yAxis.high - yAxis.low)) * height];
      brush.moveTo(...at(Math.max(xAxis.low, yAxis.low)));
      brush.lineTo(...at(top_));
      brush.stroke();
    }
    let n_shown = 0;
    const placed = this.#placing();
    for (const isSelected of [false, true]) {
      brush.fillStyle = isSelected ? accent : style.color;
      brush.globalAlpha = isSelected ? (x.length > 3000 ? 0.5 : 0.7) : 0.15;
      const size = x.length > 3000 ? 3 : 5;
      for (let point = 0; point < x.length; point += 1) {
        if (Number.isNaN(x[point]) || Number.isNaN(y[point]) || Boolean(this.mask?.[point] ?? 1) !== isSelected) continue;
        const [h, v] = placed(point);
        brush.fillRect(h - size / 2, v - size / 2, size, size);
        if (isSelected) n_shown += 1;
      }
    }
    brush.globalAlpha = 1;
    this.canvas.setAttribute("aria-label", `${yAxis.label} against ${xAxis.label}: ${n_shown} selected recordings. Drag a box, ` +
      "or type ranges into the filters of these columns.");
  }

  #drag() {
    let from = null;
    const at = (event) => {
      const frame = this.plane.getBoundingClientRect();
      const { left, top, width, height } = this.#area();
      return [Math.min(Math.max(event.clientX - frame.left, left), left + width),
        Math.min(Math.max(event.clientY - frame.top, top), top + height)];
    };
    const place = ([x0, y0], [x1, y1]) => Object.assign(this.box.style, {
      left: `${Math.min(x0, x1)}px`, top: `${Math.min(y0, y1)}px`, width: `${Math.abs(x1 - x0)}px`, height: `${Math.abs(y1 - y0)}px`,
    });
    this.plane.addEventListener("pointerdown", (event) => {
      if (!this.points || event.button) return;
      from = at(event);
      this.plane.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    this.plane.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.box.hidden = false;
      place(from, at(event));
    });
    this.plane.addEventListener("pointerup", (event) => {
      if (!from) return;
      const to = at(event);
      const [start] = [from];
      from = null;
      this.box.hidden = true;
      if (Math.hypot(to[0] - start[0], to[1] - start[1]) < 5) this.#openNear(event);
      else this.#select(start, to);
    });
    this.plane.addEventListener("pointercancel", () => {
      from = null;
      this.box.hidden = true;
    });
  }

  #select([x0, y0], [x1, y1]) {
    const { left, top, width, height } = this.#area();
    const spans = [[(Math.min(x0, x1) - left) / width, (Math.max(x0, x1) - left) / width],
      [1 - (Math.max(y0, y1) - top) / height, 1 - (Math.min(y0, y1) - top) / height]];
    const filters = this.points.axes.map((axis, place) => {
      const [low, high] = spans[place].map((share) => (axis.low + share * (axis.high - axis.low)) * this.units.get(axis.name));
      return [axis.name, spans[place][1] > 0.995 ? `≥ ${short(low)}` : `${short(low)} – ${short(high)}`];
    });
    this.filter(Object.fromEntries(filters));
  }

  #openNear(event) {
    const frame = this.plane.getBoundingClientRect();
    let best = -1;
    let nearest = NEAR_PX;
    const placed = this.#placing();
    for (let point = 0; point < this.points.x.length; point += 1) {
      if (this.mask && !this.mask[point]) continue;
      const [x, y] = placed(point);
      const distance = Math.hypot(event.clientX - frame.left - x, event.clientY - frame.top - y);
      if (distance < nearest) [best, nearest] = [point, distance];
    }
    if (best >= 0) this.open(best);
  }
}

/** A number with three digits, as it is typed. */
function short(value) {
  return String(Number(value.toPrecision(3))).replace("-0", "0").replace("−", "-");
}

/** The bins of a column: all recordings in the background, the selected ones in front. */
class HistogramChart {
  constructor({ name, label, typed, texts, has_more, all }, filter) {
    this.name = name;
    this.all = all;
    this.label = label;
    this.typed = typed;
    this.texts = texts;
    this.range = null; // first and last bin of the filter that was drawn here
    this.text = ""; // of this filter
    this.has_more = has_more;
    this.filter = filter;
    this.svg = document.createElementNS(SVG, "svg");
    const count = all.length;
    for (const [key, value] of Object.entries({ viewBox: `0 0 ${count} 100`, preserveAspectRatio: "none", class: "sxe-bins", role: "img" })) {
      this.svg.setAttribute(key, value);
    }
    this.frame = this.#rect("sxe-frame", 0, 100, count);
    this.behind = all.map((_, bin) => this.#rect("sxe-all", bin, 0));
    this.front = all.map((_, bin) => this.#rect("sxe-chosen", bin, 0));
    this.svg.append(this.frame, ...this.behind, ...this.front);
    this.most = Math.max(...all, 1);
    this.title = make("span", { class: "sxe-tip" });
    this.root = make("figure", { class: "sxe-chart" }, make("figcaption", {}, make("span", { text: label, dir: "auto" }), this.title), this.svg,
      make("div", { class: "sxe-ends", "aria-hidden": "true" }, make("span", { text: texts[0] }),
        make("span", { text: `${texts.at(-1)}${has_more ? " and more" : ""}` })));
    all.forEach((value, bin) => this.#size(this.behind[bin], value));
    this.filtered("");
    this.#drag();
  }

  #rect(className, bin, height, width = 0.86) {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", className);
    rect.setAttribute("x", String(bin + (width === 0.86 ? 0.07 : 0)));
    rect.setAttribute("width", String(width));
    rect.setAttribute("height", String(height));
    return rect;
  }

  #size(rect, value) {
    const height = value ? Math.max((100 * value) / this.most, 2.5) : 0;
    rect.setAttribute("y", String(100 - height));
    rect.setAttribute("height", String(height));
  }

  select(counts) {
    counts.forEach((value, bin) => this.#size(this.front[bin], value));
    const selected = counts.reduce((sum, value) => sum + value, 0);
    this.svg.setAttribute("aria-label", `Histogram of ${this.label}: ${selected} selected recordings, from ${this.texts[0]} to ${this.texts.at(-1)}. ` +
      "Drag to select a range, or type it into the filter of the column.");
    this.counts = counts;
  }

  filtered(text) {
    if (text !== this.text) this.range = null;
    this.#mark(this.range);
  }

  #mark(range) {
    this.frame.setAttribute("x", String(range ? range[0] : 0));
    this.frame.setAttribute("width", String(range ? range[1] + 1 - range[0] : 0));
  }

  #drag() {
    let from = -1;
    const bin = (event) => {
      const { left, width } = this.svg.getBoundingClientRect();
      return Math.min(Math.max(Math.floor(((event.clientX - left) / width) * this.all.length), 0), this.all.length - 1);
    };
    const isLast = (at) => this.has_more && at === this.all.length - 1;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      from = bin(event);
      this.svg.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    this.svg.addEventListener("pointermove", (event) => {
      const at = bin(event);
      const upper = isLast(at) ? "and more" : `– ${this.texts[at + 1]}`;
      this.title.textContent = `${this.texts[at]} ${upper}: ${this.counts?.[at] ?? 0} of ${this.all[at]}`;
      if (from >= 0) this.#mark([Math.min(from, at), Math.max(from, at)]);
    });
    this.svg.addEventListener("pointerleave", () => { this.title.textContent = ""; });
    this.svg.addEventListener("pointerup", (event) => {
      if (from < 0) return;
      const at = bin(event);
      const range = [Math.min(from, at), Math.max(from, at)];
      from = -1;
      const isAgain = this.range && range[0] === range[1] && range[0] >= this.range[0] && range[0] <= this.range[1];
      const end = isLast(range[1]) ? `≥ ${this.typed[range[0]]}` : `${this.typed[range[0]]} – <${this.typed[range[1] + 1]}`;
      this.text = isAgain ? "" : end;
      this.range = isAgain ? null : range;
      this.filter({ [this.name]: this.text });
    });
    this.svg.addEventListener("pointercancel", () => {
      from = -1;
      this.#mark(this.range);
    });
  }
}
