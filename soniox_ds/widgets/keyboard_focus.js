/* Buttons that keep the keyboard focus when they are disabled, and when the notebook draws the widget anew. */

const FOCUS_RETURNS_MS = 5000;

/** A button whose keys the notebook does not handle itself. */
function controlButton(className, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.dataset.lmSuppressShortcuts = "true";
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") pressed();
  });
  return button;
}

/** A disabled button would lose the focus. A button with the focus is only marked as disabled, and ignores presses. */
function disableControl(button, isDisabled) {
  const hasFocus = button.getRootNode().activeElement === button;
  button.disabled = isDisabled && !hasFocus;
  if (isDisabled && hasFocus) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

/** Remembers which control of a widget has the focus, and restores it when the widget is drawn anew. */
class FocusMemory {
  constructor() {
    this.held = null; // {name, root, lostAt}
  }

  /** Follow the focus among the `controls` (name -> element) of a view, and restore its previous focus. */
  enter(root, controls) {
    root.addEventListener("focusin", ({ target }) => {
      const name = Object.keys(controls).find((each) => controls[each] === target);
      this.held = name ? { name, root } : null;
    });
    root.addEventListener("focusout", ({ relatedTarget }) => {
      this.leave(root);
      // If the view is removed from the page, the focus moves nowhere. This is known a moment later.
      setTimeout(() => {
        const hasLeft = relatedTarget ? !root.contains(relatedTarget) : document.hasFocus() && !root.contains(document.activeElement);
        if (this.held?.root === root && root.isConnected && hasLeft) this.held = null;
      });
    });
    whenShown(root, () => this.#giveBack(root, controls));
  }

  /** Note that a view is removed, or has lost the focus. */
  leave(root) {
    if (this.held?.root === root) this.held.lostAt ??= performance.now();
  }

  #giveBack(root, controls) {
    const { held } = this;
    if (!held || held.root === root || held.root.isConnected) return;
    if (performance.now() - (held.lostAt ?? -Infinity) > FOCUS_RETURNS_MS) return;
    const active = document.activeElement;
    const isFree = !active || active === document.body || active.contains(root);
    if (!isFree) return;
    const control = controls[held.name];
    const isDisabled = Boolean(control.disabled);
    control.disabled = false; // a disabled control cannot take the focus
    control.focus({ preventScroll: true });
    if (isDisabled) disableControl(control, true);
  }
}

/** Calls `then` once an element is in the page and has a size. */
function whenShown(element, then) {
  const observer = new ResizeObserver(() => {
    if (!element.isConnected || !element.clientHeight) return;
    observer.disconnect();
    then();
  });
  observer.observe(element);
}
