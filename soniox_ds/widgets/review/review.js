// View of the review queue. The kernel has the clips and keeps the verdicts; the view requests the rows that it shows.
// Text from data is set as text, never as markup.

const ROW_PX = 32;
const LIST_ROWS = 7; // number of rows that are visible at once
const PAGE = 50; // number of rows in one request
const KEPT_SOUNDS = 20;
const REST_MS = 250; // so that no sound is cut of clips that one passes on the way to others
const BUSY_MS = 4000; // after so long without an answer, the kernel is reported as busy

function render({ model, el }) {
  const view = `sxr-${Math.random().toString(36).slice(2)}`;
  const { actions, margin_ms: marginMs } = model.get("settings");
  const verdictOf = Object.fromEntries(Object.entries(actions).map(([name, { shortcut }]) => [shortcut, name]));
  const parts = build(view, actions);
  const audio = new Audio();
  const rows = new Map(); // data of each clip that the kernel has sent
  const asked = new Set(); // pages that were requested
  const sounds = new Map(); // {url, peaks} of clips, the latest last; null while a clip is on the way
  const pending = new Map(); // verdicts that the kernel has not answered yet
  let verdicts = []; // of all clips
  let saved = null;
  let current = 0;
  let wanted = -1; // the clip that is played once it arrives
  let number = 0;
  let busy = 0;
  let rest = 0;
  let problem = "";
  let lost = false;
  let editing = null; // the field that has the focus, and its clip

  // ---- the kernel

  function send(message) {
    if (lost) return;
    try {
      model.send({ ...message, view });
    } catch (error) {
      lose();
    }
  }

  function lose() {
    lost = true;
    const waiting = pending.size ? ` ${pending.size} verdicts did not reach it.` : "";
    problem = `The kernel behind this queue is gone.${waiting} Run the cell again` +
      (saved ? `: it takes up what is in ${saved}.` : "; verdicts are kept over a restart with save_to=.");
    drawState();
  }

  function answered(message, buffers) {
    if (message.view !== view && message.type !== "kept") return;
    if (message.type === "start") started(message);
    else if (message.type === "rows") {
      message.rows.forEach((row, place) => rows.set(message.first + place, { ...row, ...pendingOf(message.first + place) }));
      drawList();
      if (current >= message.first && current < message.first + message.rows.length) drawCard();
    } else if (message.type === "clip") arrived(message, buffers);
    else if (message.type === "kept") kept(message);
  }

  function started(message) {
    verdicts = message.verdicts;
    saved = message.saved_to;
    parts.spacer.style.height = `${verdicts.length * ROW_PX}px`;
    parts.list.style.height = `${Math.min(Math.max(verdicts.length, 1), LIST_ROWS) * ROW_PX + 2}px`;
    const open = verdicts.indexOf(null);
    move(open < 0 ? 0 : open, false);
    drawState();
  }

  function pendingOf(row) {
    const latest = [...pending.values()].filter((review) => review.row === row).pop();
    return latest ? { verdict: latest.verdict, correction: latest.correction, note: latest.note } : {};
  }

  function kept(message) {
    if (message.view === view) {
      pending.delete(message.number);
      problem = message.problem;
      clearTimeout(busy);
      if (pending.size) watch();
    }
    if (![...pending.values()].some((review) => review.row === message.row)) {
      const { verdict, correction, note } = message;
      if (rows.has(message.row)) Object.assign(rows.get(message.row), { verdict, correction, note });
      verdicts[message.row] = verdict;
      drawList();
      if (message.row === current && message.view !== view) drawCard();
    }
    drawState();
  }

  function watch() {
    clearTimeout(busy);
    busy = setTimeout(() => drawState(true), BUSY_MS);
  }

  /** Row `place`, or undefined while its page is on the way. */
  function ask(place) {
    const page = Math.floor(place / PAGE);
    if (place < verdicts.length && !asked.has(page)) {
      asked.add(page);
      send({ type: "rows", first: page * PAGE, count: PAGE });
    }
    return rows.get(place);
  }

  // ---- verdicts

  function review(change, place = current) {
    const row = rows.get(place);
    if (!row || lost) return;
    Object.assign(row, change);
    verdicts[place] = row.verdict;
    const { verdict, correction, note } = row;
    number += 1;
    pending.set(number, { row: place, verdict, correction, note });
    send({ type: "review", number, row: place, verdict, correction, note });
    watch();
    drawList();
    if (place === current) drawCard();
    drawState();
  }

  function judge(verdict) {
    const row = rows.get(current);
    if (!row) return;
    if (row.verdict === verdict && !(verdict === "wrong" && row.correction === null)) {
      review({ verdict: null, correction: null });
    } else if (verdict === "wrong") {
      if (row.verdict !== "wrong") review({ verdict });
      edit();
    } else {
      review({ verdict, correction: null });
      step(1);
    }
  }

  function edit() {
    if (!rows.has(current)) return;
    parts.correction.focus();
    parts.correction.select();
  }

  /** Take the text that was typed into a field when the focus leaves it; true if that changed something. */
  function leave() {
    if (!editing) return false;
    const { field, place } = editing;
    editing = null;
    const row = rows.get(place);
    if (!row) return false;
    if (field === parts.note) {
      const note = field.value.trim() || null;
      if (note === (row.note ?? null)) return false;
      review({ note }, place);
      return true;
    }
    const said = oneLine(field.value);
    if (said === (row.correction ?? oneLine(row.text))) return false;
    const same = said === oneLine(row.text);
    review(same ? { verdict: "right", correction: null } : { verdict: "wrong", correction: said }, place);
    return true;
  }

  // ---- moving

  function move(place, sound = parts.autoplay.checked) {
    if (!verdicts.length) return;
    leave();
    audio.pause();
    wanted = -1;
    current = Math.min(Math.max(place, 0), verdicts.length - 1);
    ask(current);
    const top = current * ROW_PX;
    if (top < parts.list.scrollTop) parts.list.scrollTop = top;
    if (top + ROW_PX > parts.list.scrollTop + parts.list.clientHeight) {
      parts.list.scrollTop = top + ROW_PX - parts.list.clientHeight;
    }
    drawList();
    drawCard();
    if (sound) play();
  }

  function step(by) {
    move(current + by);
  }

  function nextOpen() {
    const order = [...verdicts.keys()].map((place) => (current + 1 + place) % verdicts.length);
    const open = order.find((place) => verdicts[place] === null);
    if (open !== undefined) move(open);
    parts.list.focus();
  }

  // ---- sound

  function play() {
    if (!audio.paused) return audio.pause();
    const sound = sounds.get(current);
    if (sound) {
      if (audio.src !== sound.url) audio.src = sound.url;
      audio.play().catch((error) => {
        if (error.name !== "AbortError") say(`The browser does not play this clip: ${error.message}`);
      });
    } else {
      wanted = current;
      askForSound();
    }
  }

  function askForSound() {
    if (sounds.has(current) || !rows.has(current) || rows.get(current).no_audio) return;
    sounds.set(current, null);
    send({ type: "clip", row: current });
  }

  async function arrived(message, buffers) {
    const place = message.row;
    if (message.reason) {
      sounds.delete(place);
      if (rows.has(place)) rows.get(place).no_audio = message.reason;
      if (place === current) drawCard();
      return;
    }
    const sound = { url: URL.createObjectURL(new Blob([buffers[0]], { type: message.mime })), peaks: [] };
    sounds.delete(place);
    sounds.set(place, sound);
    for (const [old, kept] of sounds) {
      if (sounds.size <= KEPT_SOUNDS || old === place) break;
      if (kept) URL.revokeObjectURL(kept.url);
      sounds.delete(old);
    }
    if (place === wanted && place === current) play();
    try {
      sound.peaks = await peaksOf(buffers[0]);
    } catch (error) {
      say(`The browser does not decode this clip: ${error.message}`);
    }
    if (place === current) drawWave();
  }

  function drawSound() {
    const playing = !audio.paused && !audio.ended;
    parts.play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    parts.play.setAttribute("aria-label", playing ? "Pause" : "Play clip");
    const isLoaded = Boolean(sounds.get(current)) && sounds.get(current).url === audio.src;
    const share = isLoaded && audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    parts.heard.lastChild.style.width = `${100 * share}%`;
    parts.heard.lastChild.hidden = share === 0;
  }

  /** Draw the waveform of the clip; what lies before and after the clip itself is faint. */
  function drawWave() {
    const row = rows.get(current);
    const { clientWidth: width, clientHeight: height } = parts.heard;
    if (!row || !width || !height) return;
    const start = Math.max(row.start_ms - marginMs, 0);
    const { peaks = [] } = sounds.get(current) ?? {};
    drawWaveform(parts.wave, { width, height, peaks }, (share) => {
      const timeMs = start + share * peaks.length * PEAKS_MS;
      return { colour: null, isClear: timeMs >= row.start_ms && timeMs <= row.end_ms };
    });
  }

  // ---- drawing

  function say(text) {
    problem = text;
    drawState();
  }

  function drawState(waitsLong = false) {
    const done = verdicts.filter((verdict) => verdict !== null);
    parts.count.textContent = `${done.length} of ${verdicts.length} reviewed`;
    parts.progress.max = Math.max(verdicts.length, 1);
    parts.progress.value = done.length;
    parts.kinds.textContent = Object.entries(actions)
      .map(([name, { sign }]) => `${sign} ${done.filter((verdict) => verdict === name).length} ${name}`)
      .join("  ");
    parts.problem.textContent = problem;
    parts.problem.hidden = !problem;
    const waiting = `${pending.size} verdict${pending.size === 1 ? "" : "s"}`;
    if (lost) parts.state.textContent = "";
    else if (pending.size && waitsLong) parts.state.textContent = `The kernel is busy: ${waiting} wait for it.`;
    else if (pending.size) parts.state.textContent = "Saving…";
    else if (saved) parts.state.textContent = done.length ? `Saved to ${saved}` : `Saves to ${saved}`;
    else parts.state.textContent = "Kept in the kernel only (save_to= writes a file)";
  }

  function drawList() {
    const first = Math.max(Math.floor(parts.list.scrollTop / ROW_PX) - 4, 0);
    const last = Math.min(first + LIST_ROWS + 8, verdicts.length);
    const shown = [];
    for (let place = first; place < last; place += 1) {
      const row = ask(place);
      const verdict = verdicts[place];
      const line = make(
        "div",
        {
          class: "sxr-row", role: "option", id: `${view}-${place}`, "data-place": place,
          "aria-selected": String(place === current), "aria-posinset": place + 1, "aria-setsize": verdicts.length,
        },
        make("span", { class: "sxr-number", text: place + 1 }),
        make("span", {
          class: `sxr-sign sxr-${verdict ?? "none"}`, role: "img", "aria-label": verdict ?? "open",
          text: actions[verdict]?.sign ?? "·",
        }),
        make("span", { class: "sxr-name", dir: "auto", text: row ? row.audio_id : "…" }),
        make("span", { class: "sxr-time", text: row ? clock(row.start_ms) : "" }),
        make("span", { class: "sxr-line", dir: "auto", text: row ? row.correction ?? row.text : "" }),
      );
      line.style.top = `${place * ROW_PX}px`;
      shown.push(line);
    }
    parts.spacer.replaceChildren(...shown);
    parts.list.setAttribute("aria-activedescendant", `${view}-${current}`);
  }

  function drawCard() {
    const row = rows.get(current);
    parts.card.classList.toggle("sxr-loading", !row);
    drawSound();
    clearTimeout(rest);
    if (!row) return;
    parts.heard.hidden = Boolean(row.no_audio);
    drawWave();
    rest = setTimeout(askForSound, REST_MS);
    parts.where.replaceChildren(
      make("span", { class: "sxr-name", dir: "auto", text: row.audio_id }),
      make("span", { class: "sxr-time", text: `${clock(row.start_ms)} – ${clock(row.end_ms)}` }),
      make("span", { class: "sxr-time", text: `clip ${current + 1} of ${verdicts.length}` }),
    );
    parts.before.textContent = row.before ? `${row.before} ` : "";
    parts.after.textContent = row.after ? ` ${row.after}` : "";
    const pieces = row.pieces.map(([text, doubtful, confidence]) => doubtful
      ? make("mark", { text, title: `confidence ${confidence.toFixed(2)}` })
      : document.createTextNode(text));
    parts.words.replaceChildren(
      ...(pieces.length ? pieces : [make("em", { text: "(nothing was transcribed here)" })]),
    );
    parts.hint.textContent = row.hint ? `The reference says: ${row.hint}` : "";
    parts.hint.hidden = !row.hint;
    parts.play.disabled = Boolean(row.no_audio);
    parts.length.textContent = row.no_audio ? `No sound: ${row.no_audio}` : `${((row.end_ms - row.start_ms) / 1000).toFixed(1)} s`;
    for (const [name, button] of Object.entries(parts.verdicts)) {
      button.setAttribute("aria-pressed", String(row.verdict === name));
    }
    if (editing?.field !== parts.correction) parts.correction.value = row.correction ?? "";
    parts.correction.classList.toggle("sxr-nothing", row.correction === "");
    parts.correction.placeholder = row.correction === ""
      ? "nothing was said" : "Enter: edit the words (emptied: nothing was said)";
    if (editing?.field !== parts.note) parts.note.value = row.note ?? "";
  }

  // ---- keyboard and mouse

  function typed(event) {
    const field = [parts.correction, parts.note].includes(event.target) ? event.target : null;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (field) {
      if (event.key === "Enter") {
        const changed = leave();
        parts.list.focus();
        if (changed && field === parts.correction) step(1);
      } else if (event.key === "Escape") {
        editing = null;
        parts.list.focus();
        drawCard();
      } else return;
    } else if (event.key === "ArrowDown" || event.key === "j") step(1);
    else if (event.key === "ArrowUp" || event.key === "k") step(-1);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(verdicts.length - 1);
    else if (event.key === "n") nextOpen();
    else if (event.key in verdictOf) judge(verdictOf[event.key]);
    else if (event.key === " " && !["BUTTON", "INPUT"].includes(event.target.tagName)) play();
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON") edit();
    else if (event.key === "Escape") parts.list.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  for (const field of [parts.correction, parts.note]) {
    field.addEventListener("focus", () => {
      editing = { field, place: current };
      const row = rows.get(current);
      if (row && field === parts.correction && row.correction === null) field.value = row.text;
    });
    field.addEventListener("blur", () => {
      leave();
      drawCard();
    });
  }
  parts.root.addEventListener("keydown", typed);
  parts.list.addEventListener("scroll", () => requestAnimationFrame(drawList));
  // not "click", because taking a correction at this moment draws the list anew
  parts.list.addEventListener("mousedown", (event) => {
    const line = event.target.closest(".sxr-row");
    if (line) move(Number(line.dataset.place));
  });
  parts.play.addEventListener("click", play);
  parts.open.addEventListener("click", nextOpen);
  for (const [name, button] of Object.entries(parts.verdicts)) {
    button.addEventListener("click", () => {
      parts.list.focus();
      judge(name);
    });
  }
  for (const name of ["play", "pause", "ended", "timeupdate", "loadedmetadata"]) audio.addEventListener(name, drawSound);

  const resized = new ResizeObserver(drawWave);
  resized.observe(parts.heard);
  model.on("msg:custom", answered);
  model.on("comm_live_update", lose); // a restarted kernel does not know this widget
  el.append(parts.root);
  drawState();
  send({ type: "start" });

  return () => {
    clearTimeout(busy);
    clearTimeout(rest);
    resized.disconnect();
    audio.pause();
    audio.removeAttribute("src");
    model.off("msg:custom", answered);
    model.off("comm_live_update", lose);
    for (const sound of sounds.values()) if (sound) URL.revokeObjectURL(sound.url);
    sounds.clear();
  };
}

export default { render };
