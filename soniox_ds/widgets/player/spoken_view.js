// A view whose words can be heard. The text is ordinary text for screen readers. Speakers and lines are buttons. One
// item at a time can take the focus (the arrows move it), because a view may have thousands of words.

function render({ model, el }) {
  const view = `sx-spoken-${Math.random().toString(36).slice(2)}`;
  const { name, longest_ms: longestMs } = model.get("settings");
  const element = (tag, className) => Object.assign(document.createElement(tag), { className });
  const root = element("div", "sx-spoken");
  const bar = element("div", "sx-spoken-bar");
  const stopButton = controlButton("sx-spoken-stop", () => player.stop());
  const hint = element("span", "sx-spoken-hint");
  const trouble = element("p", "sx-spoken-trouble");
  const body = element("div", "sx-spoken-body");
  let audioIds = [];
  let items = []; // all elements that can be heard, in order
  let current = null; // the item that can take the focus
  let playing = null; // the item that was chosen
  let marked = null; // the word that is heard now
  let lost = false;

  stopButton.textContent = "■ Stop";
  hint.textContent = "Click a word or a ▶ to listen. Keys: arrows, Enter, and Esc to stop.";
  trouble.setAttribute("role", "status");
  body.setAttribute("role", "group");
  body.setAttribute("aria-label", `${name}. Arrow keys move, Enter plays.`);
  bar.append(stopButton, hint);

  const player = new ClipPlayer({ longestMs, ask: send, drawn, tell });

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
    player.stop();
    tell("The kernel behind this view is gone. Run the cell again to listen.");
  }

  function answered(message, buffers) {
    if (message.view !== view) return;
    if (message.type === "clip") player.arrived(message, buffers);
    else {
      audioIds = message.audio_ids;
      show(message.html);
    }
  }

  /** Show the view. The kernel has escaped all text of data in it. */
  function show(html) {
    body.innerHTML = html;
    items = [...body.querySelectorAll("[data-span]")];
    for (const button of body.querySelectorAll("button")) {
      button.dataset.lmSuppressShortcuts = "true";
      button.tabIndex = -1;
    }
    root.append(bar, trouble, body);
    root.classList.add("sx-spoken-ready");
    if (items.length) makeCurrent(items[0]);
    disableControl(stopButton, true);
  }

  function tell(text) {
    if (trouble.textContent !== text) trouble.textContent = text;
  }

  /** The span of an item, in its recording. */
  function spanOf(item) {
    const [start, end] = item.dataset.span.split(" ").map(Number);
    return { audio_id: audioIds[Number(item.closest("[data-audio]").dataset.audio)], start_ms: start, end_ms: end };
  }

  function play(item) {
    makeCurrent(item);
    if (lost) return lose();
    const again = playing === item;
    player.stop();
    if (again) return;
    player.play(spanOf(item));
    playing = item;
    disableControl(stopButton, false);
    item.classList.add("sx-playing");
  }

  function drawn(span, timeMs) {
    if (!span) {
      playing?.classList.remove("sx-playing");
      playing = null;
      disableControl(stopButton, true);
    }
    const word = span && playing?.tagName === "BUTTON" ? wordAt(playing, timeMs) : null;
    if (word === marked) return;
    marked?.classList.remove("sx-heard");
    word?.classList.add("sx-heard");
    marked = word;
  }

  /** The word below a button that is spoken at a time. */
  function wordAt(button, timeMs) {
    for (let place = items.indexOf(button) + 1; place < items.length && items[place].tagName !== "BUTTON"; place += 1) {
      const [start, end] = items[place].dataset.span.split(" ").map(Number);
      if (start <= timeMs && timeMs < end) return items[place];
    }
    return null;
  }

  /** Let an item take the focus; a word then is a button for screen readers. */
  function makeCurrent(item) {
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
    current = item;
    item.tabIndex = 0;
    item.dataset.lmSuppressShortcuts = "true";
    if (item.tagName === "BUTTON") return;
    item.setAttribute("role", "button");
    if (item.hasAttribute("aria-label")) {
      item.dataset.label ??= item.getAttribute("aria-label");
      item.setAttribute("aria-label", `${item.dataset.label}: ${item.innerText.replace(/\s+/g, " ")}`);
    }
  }

  function move(by, isWanted = () => true) {
    let place = items.indexOf(current) + by;
    while (items[place] && !isWanted(items[place])) place += by;
    focus(items[place]);
  }

  function focus(item) {
    if (!item) return;
    makeCurrent(item);
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  function typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
    const isRightToLeft = getComputedStyle(current).direction === "rtl";
    const isButton = (item) => item.tagName === "BUTTON";
    if (event.key === "Escape") player.stop();
    else if (!body.contains(event.target)) return;
    else if (event.key === "ArrowRight") move(isRightToLeft ? -1 : 1);
    else if (event.key === "ArrowLeft") move(isRightToLeft ? 1 : -1);
    else if (event.key === "ArrowDown") move(1, isButton);
    else if (event.key === "ArrowUp") move(-1, isButton);
    else if (event.key === "Home") focus(items[0]);
    else if (event.key === "End") focus(items.at(-1));
    else if (event.key === "Enter" || event.key === " ") play(current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function clicked({ target }) {
    const item = target.closest("[data-span]") ?? target.closest("tr")?.querySelector("[data-span]");
    if (!item || (item.tagName !== "BUTTON" && !getSelection().isCollapsed)) return; // text is being selected
    play(item);
    item.focus({ preventScroll: true });
  }

  root.addEventListener("keydown", typed);
  body.addEventListener("click", clicked);
  model.on("msg:custom", answered);
  model.on("comm_live_update", lose); // a restarted kernel does not know this view
  el.append(root);
  send({ type: "start" });

  return () => {
    player.close();
    model.off("msg:custom", answered);
    model.off("comm_live_update", lose);
  };
}

export default { render };
