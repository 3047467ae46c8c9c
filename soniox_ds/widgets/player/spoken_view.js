// A view whose words can be heard. The text is ordinary text for screen readers. Speakers and lines are buttons.

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
  let lost = false;

  stopButton.textContent = "■ Stop";
  hint.textContent = "Click a word or a ▶ to listen. Keys: arrows, Enter, and Esc to stop.";
  trouble.setAttribute("role", "status");
  body.setAttribute("role", "group");
  body.setAttribute("aria-label", `${name}. Arrow keys move, Enter plays.`);
  bar.append(stopButton, hint);

  const player = new ClipPlayer({ longestMs, ask: send, drawn: (span, timeMs) => items.drawn(span, timeMs), tell });
  const items = new SpokenItems(root, body, {
    player, spanOf, heardAt: wordAt,
    changed: (isPlaying) => disableControl(stopButton, !isPlaying),
    lost: () => {
      if (lost) lose();
      return lost;
    },
  });

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
    items.refresh();
    root.append(bar, trouble, body);
    root.classList.add("sx-spoken-ready");
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

  /** The word below a button that is spoken at a time. */
  function wordAt(item, timeMs, all) {
    if (item.tagName !== "BUTTON") return null;
    for (let place = all.indexOf(item) + 1; place < all.length && all[place].tagName !== "BUTTON"; place += 1) {
      const [start, end] = all[place].dataset.span.split(" ").map(Number);
      if (start <= timeMs && timeMs < end) return all[place];
    }
    return null;
  }

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
