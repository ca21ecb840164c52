// What the sections of the page are made of. Text from outside is put in by textContent only, never
// as markup.

import { $ } from "./dom.js";
import { t } from "./words.js";

export function make(kind, text, ...children) {
  const element = document.createElement(kind);
  if (text !== undefined && text !== null) element.textContent = text;
  element.append(...children);
  return element;
}

const FIRST = 12; // of what is listed that is shown at once: sixty entries are 17 000 px on a phone

/** Fill a list with an element that `drawn` makes of each; the first, and with its button twelve more. */
export function fill(id, all, drawn) {
  const list = $(id),
    button = $(`${id}-on`);
  const grow = (many) => {
    list.dataset.many = many;
    list.append(...all.slice(list.children.length, many).map(drawn));
    button.hidden = many >= all.length;
  };
  list.replaceChildren();
  grow(Math.max(FIRST, list.dataset.many ?? 0));
  button.onclick = () => {
    const before = list.children.length;
    grow(before + FIRST);
    // The button may be gone, and with it whoever goes by keys.
    list.children[before].querySelector("button").focus();
  };
}

/** A picture, which leads to itself in full. */
export function picture(image, name) {
  const element = new Image(),
    link = make("a", null, element);
  element.loading = "lazy";
  element.src = `images/${image}/medium`;
  element.alt = t("image.alt", { name });
  link.href = `images/${image}/screen`;
  link.target = "_blank";
  link.rel = "noopener";
  return link;
}

/** Fill a table: the keys of its heads' sentences, and rows of text. */
export function table(id, heads, rows) {
  const head = make("thead", null, make("tr", null, ...heads.map((key) => headed(make("th", t(key)), "col"))));
  const cell = (text, place) => (place ? make("td", text) : headed(make("th", null, make("bdi", text)), "row"));
  const body = make("tbody", null, ...rows.map((row) => make("tr", null, ...row.map(cell))));
  $(id).replaceChildren(head, body);
}

function headed(cell, scope) {
  cell.scope = scope;
  return cell;
}
