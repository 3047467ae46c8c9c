// View of the explorer. The kernel searches, filters and sorts; the view requests the rows that it shows.
// Text from data is set as text, never as markup.

const ROW_PX = 30;
const VISIBLE_ROWS = 9;
const MARGIN_ROWS = 8; // rows drawn above and below those that are visible
const NARROW_PX = 600;
const FIRST_COLUMN_PX = 160; // of the ids, which stay while one scrolls sideways, in a narrow output
const PAGE = 100; // rows in one request
const MOST_SPACE_PX = 16_000_000; // browsers limit the height of elements
const BUSY_MS = 4000; // after so long without an answer, the kernel is reported as busy
const KEY_PAUSE_MS = 70; // so that a key that is held down does not request each recording on its way

function render({ model, el }) {
  const view = `sxe-${Math.random().toString(36).slice(2)}`;
  const settings = model.get("settings");
  const parts = buildExplorer(view);
  let columns = [];
  let arms = [];
  let rows = new Map(); // cells of the rows that the kernel has sent for this query; the first cell is the id
  let asked = new Set(); // pages that were requested for this query
  let query = { search: "", filters: {}, sort: "", descending: false };
  let charted = null; // the selection that the charts show
  let total = 0;
  let current = -1; // place of the selected recording in the table, or -1
  let selected = null; // its id
  let awaited = -1; // place of the recording that is selected once its row has come
  let lists = [];
  let wanted = null; // {arm, word}: the place that is shown once its recording has come
  let shown = null; // the recording that is shown, as the kernel sent it
  let mode = "errors";
  let number = 0;
  const latest = { rows: 0, recording: 0, located: 0, points: 0, frequent: 0, places: 0 }; // numbers of the latest requests; earlier answers are ignored
  const waiting = new Map(); // number of a request -> when it was sent
  let busy = 0;
  let later = 0;
  let lost = false;
  let searchesAtOnce = true; // The texts of an opened corpus are read for each search, so that it begins with Enter.

  const player = new Player(
    parts.sound, settings.stretch_ms,
    (audio_id, start_ms) => request({ type: "clip", audio_id, start_ms, end_ms: start_ms + settings.stretch_ms }),
    (timeMs) => lists.forEach((list) => list.follow(timeMs)),
  );

  const charts = new Charts(parts.charts, {
    filter: setFilters,
    open: (point) => open({ point }),
    ask: (x, y) => { latest.points = request({ type: "points", x, y }); },
  });
  const frequent = new FrequentErrorList(view, {
    ask: (arm) => { latest.frequent = request({ type: "frequent", ...query, arm }); },
    askPlaces: (arm, error) => { latest.places = request({ type: "places", ...query, arm, error }); },
    go: (arm, audio_id, word) => {
      wanted = { arm, word };
      mode = "errors";
      if (shown?.audio_id === audio_id) showWanted();
      else open({ audio_id });
    },
  });
  parts.below_table.append(frequent.root);

  // ---- the kernel

  function request(message) {
    if (lost) return 0;
    number += 1;
    waiting.set(number, performance.now());
    watch();
    try {
      model.send({ ...message, view, number });
    } catch (error) {
      lose();
    }
    return number;
  }

  function watch() {
    clearTimeout(busy);
    if (!waiting.size) return;
    busy = setTimeout(() => say("The kernel is busy. The table follows once it answers."), BUSY_MS);
  }

  function lose() {
    lost = true;
    clearTimeout(busy);
    parts.root.classList.add("sxe-lost");
    say("The kernel behind this explorer is gone. Run the cell again.");
  }

  function say(text) {
    parts.problem.textContent = text;
    parts.problem.hidden = !text;
  }

  function answered(message, buffers) {
    if (message.type === "counted") frequent.counted(message);
    if (message.view !== view) return;
    const wasSlow = performance.now() - (waiting.get(message.number) ?? Infinity) > BUSY_MS;
    waiting.delete(message.number);
    watch();
    if (wasSlow) say("");
    if (message.type === "clip") player.arrived(message, buffers);
    else if (message.problem) say(message.problem);
    else if (message.type === "start") started(message);
    else if (message.type === "rows" && message.number === latest.located) located(message.place);
    else if (message.type === "rows" && message.number >= latest.rows) arrived(message, buffers);
    else if (message.type === "points" && message.number === latest.points) charts.arrived(message, buffers);
    else if (message.type === "frequent" && message.number === latest.frequent) frequent.arrived(message);
    else if (message.type === "places" && message.number === latest.places) frequent.placed(message);
    else if (message.type === "recording" && message.number === latest.recording) show(message);
  }

  function started(message) {
    arms = message.arms;
    columns = message.columns.map((column) => buildColumn(view, column));
    parts.columns.replaceChildren(...columns.map(({ width }) => width));
    parts.labels.replaceChildren(...columns.map(({ head }) => head));
    parts.filters.replaceChildren(...columns.map(({ below }) => below));
    if (parts.root.clientWidth < NARROW_PX) columns[0].width.style.width = `${FIRST_COLUMN_PX}px`;
    parts.table.style.minWidth = `${columns.reduce((sum, { px }) => sum + px, 0)}px`;
    parts.table.setAttribute("aria-colcount", String(columns.length));
    for (const { column, sort, filter } of columns) {
      sort.addEventListener("click", () => sortBy(column));
      filter.addEventListener(column.kind === "choice" ? "change" : "input", () => refine());
    }
    searchesAtOnce = message.counts_at_once;
    if (!searchesAtOnce) parts.search.placeholder = "Search texts (Enter)";
    frequent.start(message);
    ask();
    charts.start(message);
  }

  /** Request the first rows of the query. Until they arrive, the table shows the rows of the query before. */
  function ask() {
    latest.rows = request({ type: "rows", ...query, first: 0, count: PAGE, near: selected, is_new: true });
  }

  /** The part of a query on which the charts and the frequent errors depend. */
  function selection({ search, filters }) {
    return JSON.stringify([search.trim(), filters]);
  }

  function arrived(message, buffers) {
    const isNew = message.number === latest.rows && message.first === 0 && !asked.has(`${latest.rows} 0`);
    if (isNew) {
      rows = new Map();
      awaited = -1;
      asked = new Set([`${latest.rows} 0`]);
      total = message.total;
      current = message.place;
      parts.scroll.scrollTop = 0;
      parts.summary.textContent = message.summary;
      parts.table.setAttribute("aria-rowcount", String(total + 2));
      parts.nothing.hidden = total > 0;
      for (const { column, filter } of columns) {
        const problem = message.problems[column.name] ?? "";
        filter.classList.toggle("sxe-wrong", Boolean(problem));
        filter.setAttribute("aria-invalid", String(Boolean(problem)));
      }
      say(Object.values(message.problems).join(" "));
      if (charted !== selection(query)) {
        charted = selection(query);
        const bytes = buffers[0];
        charts.select(message.histograms, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        frequent.update();
      }
    }
    message.rows.forEach((cells, place) => rows.set(message.first + place, cells));
    drawRows();
    if (isNew && selected === null && total) select(0, false);
    else if (awaited >= 0 && rows.has(awaited)) select(awaited);
  }

  /** The cells of the row at `place`, or undefined while they are on the way. */
  function row(place) {
    const page = Math.floor(place / PAGE);
    const key = `${latest.rows} ${page}`;
    if (!rows.has(place) && place < total && asked.size && !asked.has(key)) {
      asked.add(key);
      request({ type: "rows", ...query, first: page * PAGE, count: PAGE });
    }
    return rows.get(place);
  }

  // ---- search, filters and order

  function refine() {
    query = { ...query, search: parts.search.value, filters: {} };
    for (const { column, filter } of columns) if (filter.value.trim()) query.filters[column.name] = filter.value;
    for (const { filter } of columns) filter.classList.toggle("sxe-set", Boolean(filter.value.trim()));
    const isSet = Boolean(query.search.trim()) || Object.keys(query.filters).length > 0;
    parts.clear.disabled = !isSet;
    charts.filters(query.filters);
    ask();
  }

  /** Set the filters of some columns (name -> text), from the charts. */
  function setFilters(texts) {
    for (const { column, filter } of columns) if (column.name in texts) filter.value = texts[column.name];
    refine();
  }

  /** Numbers are sorted from the highest down first, because one looks for the worst recordings. */
  function sortBy(column) {
    const first = column.kind === "number";
    const isSame = query.sort === column.name;
    if (isSame && query.descending !== first) query = { ...query, sort: "", descending: false };
    else query = { ...query, sort: column.name, descending: isSame ? !query.descending : first };
    for (const { column: each, head } of columns) {
      const order = query.sort !== each.name ? "none" : query.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", order);
    }
    ask();
  }

  function clear() {
    parts.search.value = "";
    for (const { filter } of columns) filter.value = "";
    refine();
    parts.search.focus();
  }

  // ---- the table

  function drawRows() {
    const space = Math.min(total * ROW_PX, MOST_SPACE_PX);
    const reach = Math.floor(space / ROW_PX);
    const first = Math.max(Math.floor(parts.scroll.scrollTop / ROW_PX) - MARGIN_ROWS, 0);
    const count = Math.min(Math.ceil(parts.scroll.clientHeight / ROW_PX) + 2 * MARGIN_ROWS, settings.most_rows);
    const last = Math.min(first + count, reach);
    const drawn = [];
    for (let place = first; place < last; place += 1) drawn.push(drawRow(place));
    const gap = (height) => make("tr", { style: `height: ${height}px` }, make("td", { colspan: String(columns.length || 1) }));
    parts.above.replaceChildren(...(first ? [gap(first * ROW_PX)] : []));
    parts.below.replaceChildren(...(last < reach ? [gap((reach - last) * ROW_PX)] : []));
    parts.rows.replaceChildren(...drawn);
    if (current >= first && current < last) parts.table.setAttribute("aria-activedescendant", `${view}-${current}`);
    else parts.table.removeAttribute("aria-activedescendant");
  }

  function drawRow(place) {
    const cells = row(place);
    const isSelected = cells ? cells[0] === selected : false;
    const line = make("tr", {
      id: `${view}-${place}`, "aria-rowindex": String(place + 3), "aria-selected": String(isSelected), "data-place": String(place),
    });
    line.append(...columns.map(({ column }, column_place) => {
      const text = cells ? cells[column_place + 1] : "…";
      const cell = make("td", { class: `sxe-${column.kind}`, dir: column.kind === "number" ? "ltr" : "auto", title: text, text });
      if (column.unit === "percent" && cells) {
        cell.classList.add("sxe-rate");
        cell.style.setProperty("--sxe-share", `${Math.min(parseFloat(text) || 0, 100)}%`);
      }
      return cell;
    }));
    return line;
  }

  /** Scroll the table so that the selected row is visible. */
  function reveal() {
    const head = parts.labels.parentElement.offsetHeight;
    const { scroll } = parts;
    const top = current * ROW_PX;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + ROW_PX > scroll.scrollTop + scroll.clientHeight - head) {
      scroll.scrollTop = top + ROW_PX - scroll.clientHeight + head;
    }
  }

  /** Select the recording at `place`. */
  function select(place, scrolls = true) {
    if (!total) return;
    current = Math.min(Math.max(place, 0), total - 1);
    if (scrolls) reveal();
    const cells = row(current);
    if (cells) selected = cells[0];
    awaited = cells ? -1 : current;
    drawRows();
    if (!cells) return;
    clearTimeout(later);
    later = setTimeout(() => {
      latest.recording = request({ type: "recording", audio_id: selected });
    }, scrolls ? KEY_PAUSE_MS : 0);
  }

  // ---- the recording

  /** Show a recording that was not selected in the table, {audio_id} or {point} of the scatter. */
  function open(recording) {
    clearTimeout(later);
    latest.recording = request({ type: "recording", ...recording });
  }

  /** Scroll the table to the recording that is shown, if it is in it. */
  function located(place) {
    current = place;
    if (place >= 0) reveal();
    drawRows();
  }

  function showWanted() {
    if (!wanted || !lists.length) return;
    drawWords();
    const list = lists.find(({ arm }) => arm === wanted.arm);
    if (list?.words[wanted.word]) {
      list.move(wanted.word);
      list.words[wanted.word].element.classList.add("sxe-found");
    }
    wanted = null;
  }

  function show(message) {
    shown = message;
    if (selected !== message.audio_id) {
      selected = message.audio_id;
      latest.located = request({ type: "rows", ...query, first: 0, count: 0, near: selected });
    }
    parts.hint.hidden = true;
    parts.shown.hidden = false;
    parts.name.textContent = message.audio_id;
    parts.facts.replaceChildren(...message.facts.filter(([, value]) => value !== settings.missing).map(([label, value]) => make("div", {},
      make("dt", { text: label }), make("dd", { dir: "auto", text: value }))));
    const views = ["errors", "transcript"].filter((name) => message.arms.some((arm) => arm.views[name]));
    parts.views.replaceChildren(...(views.length > 1 ? views : []).map((name) => {
      const button = make("button", { type: "button", class: "sxe-mode", "data-mode": name, text: name === "errors" ? "Errors" : "Transcript" });
      button.addEventListener("click", () => {
        mode = name;
        drawWords();
      });
      return button;
    }));
    drawWords();
    const [first] = message.arms.map((arm) => arm.views.errors ?? arm.views.transcript).filter(Boolean);
    const words = (first?.paragraphs ?? []).flatMap(({ colour, words: inside }) =>
      inside.map(([kind, , , start, end]) => ({ kind, start, end, colour })));
    words.forEach((word, place) => {
      if (word.kind !== "D" || word.start !== null) return; // a deleted word has no time of its own
      word.start = words[place - 1]?.end ?? 0;
      word.end = word.start;
    });
    showWanted();
    player.show({ audio_id: message.audio_id, duration_ms: message.duration_ms, reason: message.no_audio, words });
  }

  function drawWords() {
    lists = [];
    for (const button of parts.views.children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    parts.arms.replaceChildren(...shown.arms.map((arm, place) => {
      const words = arm.views[mode] ?? arm.views.transcript;
      const heading = [arm.name, arm.score].filter(Boolean);
      const block = make("div", { class: "sxe-arm" });
      if (heading.length) {
        block.append(make("h4", { class: "sxe-score" }, ...heading.map((text, part) =>
          make("span", { class: part || !arm.name ? "sxe-counts" : "sxe-system", dir: "auto", text }))));
      }
      if (arm.message) block.append(make("p", { class: "sxe-empty", dir: "auto", text: arm.message }));
      if (words) {
        const label = `Words${arm.name ? ` of ${arm.name}` : ""}: arrow keys choose a word, Enter plays from it`;
        const list = new WordList(`${view}-${place}`, label, words, settings.levels, (timeMs) => player.play(timeMs));
        list.arm = place;
        lists.push(list);
        block.append(list.root);
      }
      return block;
    }));
    parts.arms.style.setProperty("--sxe-systems", String(shown.arms.length));
    drawLegend();
  }

  function drawLegend() {
    const isAligned = mode === "errors" && shown.arms.some((arm) => arm.views.errors);
    const kinds = isAligned ? [["S", "substitution"], ["D", "deletion"], ["I", "insertion"]] : [];
    parts.legend.replaceChildren(
      ...(isAligned ? [make("span", { text: "above: reference, below: transcript" })] : []),
      ...kinds.map(([letter, name]) => make("span", {}, make("span", { class: `sxe-key sxe-${letter}`, text: letter }), ` ${name}`)),
      make("span", {}, "confidence: ", ...settings.levels.map((level, step) =>
        make("span", { class: `sxe-key sxe-low${step}`, text: `below ${level}` }))),
    );
  }

  // ---- keyboard and mouse

  function typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isInTable = event.target === parts.table;
    const isFree = isInTable || event.target === parts.root || event.target.closest(".sxe-words, .sxe-track");
    if (isInTable && (event.key === "ArrowDown" || event.key === "j")) select(current + 1);
    else if (isInTable && (event.key === "ArrowUp" || event.key === "k")) select(current - 1);
    else if (isInTable && event.key === "PageDown") select(current + VISIBLE_ROWS - 1);
    else if (isInTable && event.key === "PageUp") select(current - VISIBLE_ROWS + 1);
    else if (isInTable && event.key === "Home") select(0);
    else if (isInTable && event.key === "End") select(total - 1);
    else if (isFree && event.key === " ") player.toggle();
    else if (event.key === "Escape") parts.table.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  parts.root.addEventListener("keydown", typed);
  parts.scroll.addEventListener("scroll", () => requestAnimationFrame(drawRows));
  parts.rows.addEventListener("mousedown", (event) => {
    const line = event.target.closest("tr");
    if (line) select(Number(line.dataset.place), false);
  });
  parts.search.addEventListener("input", () => { if (searchesAtOnce || !parts.search.value) refine(); });
  parts.search.addEventListener("change", refine);
  parts.clear.addEventListener("click", clear);
  parts.clear.disabled = true;
  parts.scroll.style.maxHeight = `${VISIBLE_ROWS * ROW_PX + 70}px`;

  model.on("msg:custom", answered);
  model.on("comm_live_update", lose); // a restarted kernel does not know this widget
  el.append(parts.root);
  request({ type: "start" });

  return () => {
    clearTimeout(busy);
    clearTimeout(later);
    player.close();
    charts.close();
    model.off("msg:custom", answered);
    model.off("comm_live_update", lose);
  };
}

export default { render };
