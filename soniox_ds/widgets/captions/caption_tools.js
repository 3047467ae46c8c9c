/* The controls below the captions. The choices of a reader are kept in `kept`, because a notebook may draw a widget anew. */

class CaptionTools {
  /** `groups` are the ways to group lines, name -> label; `kept.groupBy` is the one that is chosen. */
  constructor(root, captions, { groups, kept }) {
    this.captions = captions;
    this.root = captionElement("div", "sx-tools", { role: "group", "aria-label": "Captions" });
    this.groupBy = captionSelect("sx-tool sx-group-by", "Group lines by", groups);
    this.groupBy.value = kept.groupBy;
    this.groupBy.addEventListener("change", () => {
      kept.groupBy = this.groupBy.value;
      captions.regroup(kept.groupBy);
    });
    const label = captionElement("label", "");
    label.append("Group by", this.groupBy);
    this.root.append(label);
    root.append(this.root);
  }

  /** The controls that take the focus, by name. */
  get controls() {
    return { groupBy: this.groupBy };
  }
}

/** A list to choose from, `choices` by value. */
function captionSelect(className, label, choices) {
  const select = captionElement("select", className, { "aria-label": label });
  select.dataset.lmSuppressShortcuts = "true";
  select.append(...Object.entries(choices).map(([value, text]) => new Option(text, value)));
  return select;
}
