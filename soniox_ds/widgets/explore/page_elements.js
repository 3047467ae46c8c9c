// Elements of the explorer, without their behaviour.

const WIDTH_PX = { audio_id: 230, text: 180, choice: 130, number: 104 };

/** Create all elements of the view. */
function buildExplorer(id) {
  const parts = {};
  parts.search = make("input", {
    type: "search", id: `${id}-search`, class: "sxe-field sxe-search", dir: "auto", autocomplete: "off", spellcheck: "false",
    placeholder: "Search names, transcripts and references", "aria-label": "Search names, transcripts and references",
  });
  parts.clear = make("button", { type: "button", class: "sxe-clear", text: "Clear filters" });
  parts.summary = make("p", { class: "sxe-summary", role: "status" });
  parts.problem = make("p", { class: "sxe-problem", role: "alert" });
  parts.problem.hidden = true;
  parts.columns = make("colgroup", {});
  parts.labels = make("tr", { class: "sxe-labels" });
  parts.filters = make("tr", { class: "sxe-filters" });
  parts.above = make("tbody", { "aria-hidden": "true", class: "sxe-gap" });
  parts.rows = make("tbody", { class: "sxe-rows" });
  parts.below = make("tbody", { "aria-hidden": "true", class: "sxe-gap" });
  parts.table = make(
    "table",
    { class: "sxe-table", role: "grid", tabindex: "0", "aria-label": "Recordings", "aria-readonly": "true" },
    parts.columns, make("thead", {}, parts.labels, parts.filters), parts.above, parts.rows, parts.below,
  );
  parts.scroll = make("div", { class: "sxe-scroll" }, parts.table);
  parts.nothing = make("p", { class: "sxe-nothing", text: "No recording matches. Clear a filter to see more." });
  parts.nothing.hidden = true;
  parts.charts = make("div", { class: "sxe-charts" });
  parts.card = make("div", { class: "sxe-card", role: "group", "aria-label": "Selected recording" });
  parts.name = make("h3", { class: "sxe-name", dir: "auto" });
  parts.facts = make("dl", { class: "sxe-facts" });
  parts.views = make("div", { class: "sxe-switch", role: "group", "aria-label": "Words" });
  parts.arms = make("div", { class: "sxe-arms" });
  parts.legend = make("p", { class: "sxe-legend" });
  parts.sound = buildSound(id);
  parts.hint = make("p", { class: "sxe-hint", text: "Select a recording in the table: click it, or use the arrow keys." });
  parts.shown = make(
    "div", { class: "sxe-shown" },
    parts.name, parts.facts, parts.sound.root,
    make("div", { class: "sxe-bar" }, parts.views, parts.legend), parts.arms,
  );
  parts.shown.hidden = true;
  parts.card.append(parts.hint, parts.shown);
  parts.below_table = make("div", { class: "sxe-lower" }, parts.card);
  const keys = "↑ ↓ or j k: other recordings · Space: play · in the words ← →: other words, Enter: play from there";
  parts.root = make(
    "div",
    { class: "sxe", role: "region", "aria-label": "Speech data explorer", tabindex: "-1" },
    make("div", { class: "sxe-head" }, parts.search, parts.summary, parts.clear),
    parts.problem, parts.charts, parts.scroll, parts.nothing, parts.below_table,
    make("div", { class: "sxe-foot" }, make("span", { text: keys })),
  );
  return parts;
}

/** The player and the waveform. */
function buildSound(id) {
  const sound = {};
  sound.play = make("button", { type: "button", class: "sxe-play", "aria-keyshortcuts": "Space" });
  sound.before = make("button", { type: "button", class: "sxe-before", text: "◀", "aria-label": "Stretch before" });
  sound.after = make("button", { type: "button", class: "sxe-after", text: "▶", "aria-label": "Next stretch" });
  sound.time = make("span", { class: "sxe-time" });
  sound.canvas = make("canvas", { class: "sxe-wave", "aria-hidden": "true" });
  sound.played = make("div", { class: "sxe-played", "aria-hidden": "true" });
  sound.track = make(
    "div",
    { class: "sxe-track", role: "slider", tabindex: "0", "aria-label": "Position in the recording", "aria-valuemin": "0",
      "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "0:00.0" },
    sound.canvas, sound.played,
  );
  sound.reason = make("p", { class: "sxe-reason" });
  sound.controls = make(
    "div", { class: "sxe-controls" },
    sound.play, make("span", { class: "sxe-stretch" }, sound.before, sound.after), sound.time,
  );
  sound.root = make("div", { class: "sxe-sound", id: `${id}-sound` }, sound.controls, sound.track, sound.reason);
  return sound;
}

/** The two cells of a column's head: its name, which sorts, and its filter. */
function buildColumn(id, column) {
  const width = WIDTH_PX[column.name] ?? WIDTH_PX[column.kind];
  const sort = make("button", { type: "button", class: "sxe-sort" }, make("span", { text: column.label, dir: "auto" }),
    make("span", { class: "sxe-arrow", "aria-hidden": "true" }));
  const label = `Filter ${column.label}`;
  let filter;
  if (column.kind === "choice") {
    filter = make("select", { class: "sxe-filter", "aria-label": label, "data-lm-suppress-shortcuts": "true" },
      make("option", { value: "", text: "all" }),
      ...column.choices.map((choice) => make("option", { value: choice, text: choice })));
  } else {
    const help = column.kind === "number" ? `A range, such as ${column.hint} or 5 – 10; – for recordings without a value`
      : "A part of the text; – for recordings without a value";
    filter = make("input", {
      type: "text", class: "sxe-filter", "aria-label": `${label}: ${help}`, title: help, autocomplete: "off",
      spellcheck: "false", placeholder: column.hint || "contains", dir: "auto",
    });
  }
  const head = make("th", { scope: "col", "aria-sort": "none", class: `sxe-${column.kind}` }, sort);
  return {
    column, sort, filter, head,
    width: make("col", { style: `width: ${width}px` }),
    below: make("td", { class: `sxe-${column.kind}` }, filter),
    px: width,
  };
}
