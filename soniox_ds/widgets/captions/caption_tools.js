/* The controls below the captions: grouping, copying, saving, and stopping what is played. The choices of a reader are kept
   in `kept`, because a notebook may draw a widget anew. */

class CaptionTools {
  /** `groups` are the ways to group lines, name -> label; `kept.groupBy` is the one that is chosen. `exports` are the
      formats of files, name -> label; `save(format)` returns a promise of `{name, mime, content}`, and text is written
      here. `stop` is called to stop what is played. */
  constructor(root, captions, { groups, kept, exports = { txt: "text" }, save = null, stop = null }) {
    this.captions = captions;
    this.kept = kept;
    this.save = save;
    kept.format ??= Object.keys(exports)[0];
    this.root = captionElement("div", "sx-tools", { role: "group", "aria-label": "Captions" });
    this.groupBy = captionSelect("sx-tool sx-group-by", "Group lines by", groups, kept.groupBy, (value) => {
      kept.groupBy = value;
      captions.regroup(value);
      this.regrouped?.();
    });
    this.copyButton = this.#button("sx-copy", "Copy", "Copy all words as text", () => this.#copy());
    this.format = captionSelect("sx-tool sx-format", "Format of the file", exports, kept.format, (value) => { kept.format = value; });
    this.saveButton = this.#button("sx-save", "Save", "Save all words as a file", () => this.#save());
    this.stopButton = this.#button("sx-stop", "■ Stop playing", "Stop what is played (Esc)", () => stop());
    this.stopButton.hidden = true;
    this.hint = captionElement("span", "sx-hint");
    this.told = captionElement("span", "sx-told-tool", { role: "status" });
    const label = captionElement("label", "");
    label.append("Group by", this.groupBy);
    this.root.append(label, this.copyButton, this.format, this.saveButton, this.stopButton, this.hint, this.told);
    root.append(this.root);
  }

  /** The controls that take the focus, by name. */
  get controls() {
    const { groupBy, copyButton, format, saveButton } = this;
    return { groupBy, copyButton, format, saveButton };
  }

  /** Allow what is possible now: there are words or not, and they can be heard or not. */
  show({ canPlay = false } = {}) {
    const isEmpty = !this.captions.hasWords;
    disableControl(this.copyButton, isEmpty);
    disableControl(this.saveButton, isEmpty);
    setHint(this.hint, canPlay && !isEmpty ? "Click a word to listen from there. Keys: arrows, Enter, Esc." : "");
  }

  playing(isPlaying) {
    if (!isPlaying && this.stopButton.contains(this.stopButton.getRootNode().activeElement)) this.captions.log.focus();
    this.stopButton.hidden = !isPlaying;
  }

  tell(text) {
    this.told.textContent = text;
  }

  async #copy() {
    const isCopied = await copyText(this.captions.text);
    this.tell(isCopied ? "Copied." : "The browser does not allow copying here. Save the words as text instead.");
  }

  async #save() {
    const { format } = this.kept;
    try {
      const file = format === "txt" || !this.save
        ? { name: "microphone.txt", mime: "text/plain", content: `${this.captions.text}\n` }
        : await this.save(format);
      saveFile(file);
      this.tell(`Saved as ${file.name}.`);
    } catch (error) {
      this.tell(error.message);
    }
  }

  #button(className, text, label, pressed) {
    const button = controlButton(`sx-tool ${className}`, pressed);
    button.textContent = text;
    button.title = label;
    return button;
  }
}

function setHint(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A list to choose from, `choices` by value. */
function captionSelect(className, label, choices, chosen, changed) {
  const select = captionElement("select", className, { "aria-label": label });
  select.dataset.lmSuppressShortcuts = "true";
  select.append(...Object.entries(choices).map(([value, text]) => new Option(text, value)));
  select.value = chosen;
  select.addEventListener("change", () => changed(select.value));
  return select;
}

/** Put a text into the clipboard. Returns false if the browser does not allow it. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page without the permission, or one that is not secure, can copy what is selected.
    const field = captionElement("textarea", "", { "aria-hidden": "true", style: "position: fixed; top: 0; opacity: 0" });
    const focused = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    focused?.focus?.({ preventScroll: true });
    return isCopied;
  }
}

/** Let the browser save a file, as a download. */
function saveFile({ name, mime, content }) {
  const url = URL.createObjectURL(new Blob([content], { type: mime }));
  const link = captionElement("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may ask where to save it
}
