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

export function picture(image, name) {
  const element = new Image();
  element.loading = "lazy";
  element.src = `images/${image}/medium`;
  element.alt = t("image.alt", { name });
  return element;
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
