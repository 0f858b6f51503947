// Makes elements. Whatever comes from outside arrives here as text and stays text: nothing in these pages parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** `h("p", {class: "note", onclick: f}, "text", element, null)`: null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/** Somebody's own words (a name, a number, a reason): set apart, so that a mark in them cannot turn the line around. */
export function theirs(text) {
  return h("bdi", {}, String(text ?? ""));
}

/** A link, if the address is one that only leads somewhere; otherwise the label alone. */
export function link(href, label, properties = {}) {
  return isSafe(href) ? h("a", { href, ...outside(href), ...properties }, label) : h("span", {}, label);
}

export function isSafe(href) {
  if (typeof href !== "string") return false;
  try {
    return ["https:", "http:", "mailto:", "tel:"].includes(new URL(href, document.baseURI).protocol);
  } catch {
    return false;
  }
}

function outside(href) {
  return /^https?:/.test(href) ? { rel: "noopener noreferrer" } : {};
}

/** A definition list of those facts that there are. */
export function facts(pairs, properties = {}) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (known.length === 0) return null;
  return h("dl", { class: "facts", ...properties }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** Asks before what cannot be undone. Both answers weigh the same; Escape means no. */
export function confirmed(root, { title, text, yes, no }) {
  return new Promise((resolve) => {
    const answer = (value) => () => { dialog.close(value); };
    const dialog = h("dialog", { "aria-labelledby": "ask-title" },
      h("h2", { id: "ask-title", tabindex: "-1" }, title),
      h("p", {}, text),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", onclick: answer("no") }, no),
        h("button", { type: "button", class: "button", onclick: answer("yes") }, yes)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    root.append(dialog);
    dialog.showModal();
    dialog.querySelector("h2").focus();
  });
}
