/** Elements without markup: what comes from the server can only become text. */

/**
 * An element. A function among the attributes listens to the event of that name; `false`, null
 * and undefined leave an attribute out, as they leave out a child.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child != null && child !== false).map(asNode));
  return element;
}

/** The element with this id; a page without it is broken. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Put exactly these children there; those that stay are not touched, so focus survives. */
export function place(parent, children) {
  const wanted = children.filter(Boolean);
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

/** A small label: a sign of its own beside the text, so that colour is never all there is. */
export function badge(kind, text, sign = "") {
  return el(
    "span",
    { class: `badge ${kind}` },
    sign && el("span", { class: "sign", "aria-hidden": "true" }, sign),
    text,
  );
}

/** What an empty place says: what is so, and what to do next. */
export function nothing(title, next) {
  return el("div", { class: "nothing" }, el("p", {}, title), el("p", { class: "soft" }, next));
}

/** Open a dialog over the page; it is gone once closed. */
export function openDialog(title, closeLabel, ...content) {
  const dialog = el(
    "dialog",
    { "aria-label": title, close: () => dialog.remove() },
    el(
      "header",
      {},
      el("h2", {}, title),
      el("button", { type: "button", class: "quiet", click: () => dialog.close() }, closeLabel),
    ),
    ...content,
  );
  // a click beside the dialog lands on the dialog itself, one inside it on what it holds
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
