// Elements and texts that several widgets need.

/** An element with attributes, text and children. Controls are marked so that JupyterLab ignores typing in them. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  if (["button", "input", "textarea"].includes(tag) || "tabindex" in attributes) {
    element.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  element.append(...children);
  return element;
}

function clock(milliseconds) {
  const tenths = Math.floor(milliseconds / 100);
  const pad = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(tenths / 600);
  const seconds = `${pad(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
  return minutes < 60 ? `${minutes}:${seconds}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${seconds}`;
}
