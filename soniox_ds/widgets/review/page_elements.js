// Elements of the review queue, without their behaviour.

function oneLine(text) {
  return text.split(/\s+/).filter(Boolean).join(" ");
}

/** Create all elements of the view. `actions` are the verdicts (buttons.py). */
function build(id, actions) {
  const parts = {};
  parts.count = make("span", { class: "sxr-count" });
  parts.kinds = make("span", { class: "sxr-kinds" });
  parts.progress = make("progress", { class: "sxr-progress", "aria-label": "Clips reviewed", value: 0, max: 1 });
  parts.spacer = make("div", { class: "sxr-spacer", role: "presentation" });
  parts.list = make("div", { class: "sxr-list", role: "listbox", tabindex: "0", "aria-label": "Clips" }, parts.spacer);
  parts.where = make("div", { class: "sxr-where" });
  parts.before = make("span", { class: "sxr-context" });
  parts.words = make("span", { class: "sxr-words" });
  parts.after = make("span", { class: "sxr-context" });
  parts.text = make("p", { class: "sxr-text", dir: "auto" }, parts.before, parts.words, parts.after);
  parts.hint = make("p", { class: "sxr-hint", dir: "auto" });
  parts.play = make("button", { type: "button", class: "sxr-play", "aria-keyshortcuts": "Space" });
  parts.wave = make("canvas", { class: "sxr-wave" });
  parts.heard = make("div", { class: "sxr-heard", "aria-hidden": "true" }, parts.wave, make("span", {}));
  parts.length = make("span", { class: "sxr-length" });
  parts.verdicts = {};
  for (const [name, { label, sign, shortcut }] of Object.entries(actions)) {
    parts.verdicts[name] = make(
      "button",
      { type: "button", class: `sxr-verdict sxr-${name}`, "aria-pressed": "false", "aria-keyshortcuts": shortcut },
      make("span", { class: "sxr-sign", "aria-hidden": "true", text: sign }),
      make("span", { text: label }),
      make("kbd", { "aria-hidden": "true", text: shortcut }),
    );
  }
  parts.open = make(
    "button",
    { type: "button", class: "sxr-open", "aria-keyshortcuts": "n" },
    make("span", { text: "Next open" }),
    make("kbd", { "aria-hidden": "true", text: "n" }),
  );
  parts.correction = make("input", {
    type: "text", id: `${id}-correction`, class: "sxr-field", dir: "auto", autocomplete: "off", spellcheck: "true",
    placeholder: "Enter: edit the words (emptied: nothing was said)",
  });
  parts.note = make("input", {
    type: "text", id: `${id}-note`, class: "sxr-field", dir: "auto", autocomplete: "off", placeholder: "anything else",
  });
  parts.state = make("span", { class: "sxr-state", role: "status" });
  parts.problem = make("p", { class: "sxr-problem", role: "alert" });
  parts.autoplay = make("input", { type: "checkbox", id: `${id}-autoplay` });
  const verdictKeys = Object.values(actions).map(({ shortcut, hint }) => `${shortcut} ${hint}`);
  const keys = ["j k next, previous", "Space play", ...verdictKeys, "Enter edit", "Esc leave the field"];
  parts.keys = make("span", { class: "sxr-keys", text: keys.join(" · ") });
  parts.card = make(
    "div",
    { class: "sxr-card", role: "group", "aria-label": "Clip" },
    parts.where, parts.text, parts.hint,
    parts.heard,
    make("div", { class: "sxr-sound" }, parts.play, parts.length,
      make("label", { class: "sxr-auto", for: `${id}-autoplay` }, parts.autoplay, "play when moving")),
    make("div", { class: "sxr-verdicts", role: "group", "aria-label": "Verdict" },
      ...Object.values(parts.verdicts), parts.open),
    make("div", { class: "sxr-fields" },
      make("label", { for: parts.correction.id, text: "What was said" }), parts.correction,
      make("label", { for: parts.note.id, text: "Note" }), parts.note),
  );
  parts.root = make(
    "div",
    { class: "sxr", role: "region", "aria-label": "Review of clips", tabindex: "-1" },
    make("div", { class: "sxr-head" }, parts.count, parts.progress, parts.kinds),
    parts.problem,
    make("div", { class: "sxr-body" }, parts.list, parts.card),
    make("div", { class: "sxr-foot" }, parts.state, parts.keys),
  );
  return parts;
}
